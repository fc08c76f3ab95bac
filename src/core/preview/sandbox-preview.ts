import * as z from "zod/mini";
import type {
  PreviewAddress,
  PreviewFetchOptions,
  PreviewSocket,
  PreviewSocketOptions,
  PreviewUrl,
} from "../../contract/preview.ts";
import { callShape, checkOptions } from "../check-arguments.ts";
import { lazily } from "../config/lazily.ts";
import { Deadline } from "../deadline.ts";
import { connectPreview } from "./connect-preview.ts";
import { fetchPreview } from "./fetch-preview.ts";
import { type PreviewParts, PreviewTarget } from "./preview-target.ts";

const connectTimeoutMs = 60_000;

const socketSchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    protocols: z.optional(z.array(z.string())),
    headers: z.optional(z.record(z.string(), z.string())),
  }),
);

/** A port of the sandbox as seen from outside. */
export class SandboxPreview implements PreviewUrl {
  readonly #target: PreviewTarget;

  constructor(parts: PreviewParts, address: PreviewAddress) {
    this.#target = new PreviewTarget(parts, address);
  }

  get url(): string {
    return this.#target.address.url;
  }

  get webSocketUrl(): string {
    return this.#target.address.webSocketUrl;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#target.address.headers;
  }

  get port(): number {
    return this.#target.address.port;
  }

  get expiresAt(): Date | undefined {
    return this.#target.address.expiresAt;
  }

  fetch(path: string, options?: PreviewFetchOptions): Promise<Response> {
    return this.#target.parts.guard("fetch", () => fetchPreview(this.#target, path, options));
  }

  connectWebSocket(path: string, options?: PreviewSocketOptions): Promise<PreviewSocket> {
    return this.#target.parts.guard("connectWebSocket", async () => {
      const checked = checkOptions("connectWebSocket", socketSchema, options);
      const timeoutMs = checked.timeoutMs ?? connectTimeoutMs;
      using deadline = Deadline.start("connectWebSocket", timeoutMs, checked.signal);
      deadline.throwIfEnded();
      return await connectPreview(this.#target, path, checked, deadline);
    });
  }

  /** The address as it is now. The fields are accessors, which JSON would leave out. */
  toJSON(): PreviewAddress {
    return { ...this.#target.address };
  }
}
