import type { PreviewAddress } from "../../contract/preview.ts";
import { PreviewError } from "../../contract/provider-errors.ts";
import { badArgument } from "../check-arguments.ts";
import { notRunning } from "../lifecycle/ensure-running.ts";
import { findTwice, sandboxNotFound } from "../lifecycle/find-sandbox.ts";
import type { Guard } from "../processes/guard.ts";
import type { Transport, TransportCall } from "../transport.ts";

/** An address that ends within this time is renewed before it is used. */
const renewBeforeMs = 10_000;

export interface PreviewParts {
  readonly transport: Transport;
  readonly sandboxId: string;
  readonly port: number;
  readonly minTtlMs: number;
  readonly guard: Guard;
}

/** The address of one port, as it is now. */
export class PreviewTarget {
  readonly parts: PreviewParts;
  #address: PreviewAddress;

  constructor(parts: PreviewParts, address: PreviewAddress) {
    this.parts = parts;
    this.#address = address;
  }

  get address(): PreviewAddress {
    return this.#address;
  }

  get endsSoon(): boolean {
    const { expiresAt } = this.#address;
    return expiresAt !== undefined && expiresAt.getTime() - Date.now() < renewBeforeMs;
  }

  async renew(call: TransportCall): Promise<void> {
    const { transport, sandboxId, port, minTtlMs } = this.parts;
    this.#address = await transport.getPreviewUrl(sandboxId, port, minTtlMs, call);
  }

  /** The URL of a path on the port. What leads elsewhere is no path. */
  resolve(path: string, base: string = this.#address.url): URL {
    const expected = "a path on the port that begins with /, such as /api/items?limit=3";
    if (typeof path !== "string" || !path.startsWith("/") || !URL.canParse(path, base)) {
      throw badArgument("path", expected);
    }
    const url = new URL(path, base);
    if (url.host !== new URL(base).host) throw badArgument("path", expected);
    return url;
  }

  silent(): PreviewError {
    const { sandboxId, port } = this.parts;
    return new PreviewError(
      `Nothing answers on port ${port} of the sandbox: no server listens there (yet), or it has ended.`,
      { sandboxId, retryable: true },
    );
  }

  /** Why the provider does not reach the sandbox: its words are no proof, so it is asked for the state. */
  async unreachable(words: string, call: TransportCall): Promise<Error> {
    const { transport, sandboxId } = this.parts;
    const record = await findTwice(transport, sandboxId, call);
    if (record === undefined) return sandboxNotFound(sandboxId, "preview");
    if (record.state !== "running") return notRunning(record, "preview");
    return new PreviewError(
      `The preview proxy does not reach the sandbox: ${words.slice(0, 300)}`,
      {
        sandboxId,
        retryable: true,
      },
    );
  }
}
