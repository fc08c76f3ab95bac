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

/** A port of the sandbox as seen from outside. A spread of it, and what is taken out of it, works like the object itself. */
export class SandboxPreview implements PreviewUrl {
  readonly #target: PreviewTarget;
  declare readonly url: string;
  declare readonly webSocketUrl: string;
  declare readonly headers: Readonly<Record<string, string>>;
  declare readonly port: number;
  declare readonly expiresAt: Date | undefined;

  constructor(parts: PreviewParts, address: PreviewAddress) {
    this.#target = new PreviewTarget(parts, address);
    const get = <Key extends keyof PreviewAddress>(key: Key): PropertyDescriptor => ({
      enumerable: true,
      get: () => this.#target.address[key],
    });
    // Accessors of its own: as those of a class a spread would lose them, and as values a log that inspects would show the credential.
    Object.defineProperties(this, {
      url: get("url"),
      webSocketUrl: get("webSocketUrl"),
      headers: get("headers"),
      port: get("port"),
      expiresAt: get("expiresAt"),
    });
  }

  readonly fetch = (path: string, options?: PreviewFetchOptions): Promise<Response> =>
    this.#target.parts.guard("fetch", () => fetchPreview(this.#target, path, options));

  readonly connectWebSocket = (
    path: string,
    options?: PreviewSocketOptions,
  ): Promise<PreviewSocket> =>
    this.#target.parts.guard("connectWebSocket", async () => {
      const checked = checkOptions("connectWebSocket", socketSchema, options);
      const timeoutMs = checked.timeoutMs ?? connectTimeoutMs;
      using deadline = Deadline.start("connectWebSocket", timeoutMs, checked.signal);
      deadline.throwIfEnded();
      return await connectPreview(this.#target, path, checked, deadline);
    });
}
