import { randomBytes } from "node:crypto";

interface SignedPreview {
  readonly sandboxId: string;
  readonly port: number;
  readonly expiresAtMs: number;
}

// The cookie of a visit outlives the token by up to an hour.
const rememberedForMs = 3_600_000;

/** Signed preview tokens: each opens one port of one sandbox until its time is over. */
export class SignedPreviews {
  readonly #previews = new Map<string, SignedPreview>();

  /** A new token of 16 lower-case letters and digits. */
  issue(sandboxId: string, port: number, expiresInSeconds: number): string {
    const token = randomBytes(8).toString("hex");
    const expiresAtMs = Date.now() + expiresInSeconds * 1000;
    this.#previews.set(token, { sandboxId, port, expiresAtMs });
    return token;
  }

  /** Whether a visitor may still come back to the token's host: the token is valid, or was within the last hour. */
  isRemembered(token: string): boolean {
    const preview = this.#previews.get(token);
    return preview !== undefined && preview.expiresAtMs + rememberedForMs > Date.now();
  }

  expire(token: string, port: number): void {
    const preview = this.#previews.get(token);
    if (preview?.port === port) this.#previews.set(token, { ...preview, expiresAtMs: Date.now() });
  }

  /** The sandbox that the token opens on this port, now. */
  sandboxId(token: string, port: number): string | undefined {
    const preview = this.#previews.get(token);
    if (!preview || preview.port !== port || preview.expiresAtMs <= Date.now()) return undefined;
    return preview.sandboxId;
  }
}
