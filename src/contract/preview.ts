import type { CallOptions } from "./call-options.ts";

export interface PreviewUrlOptions extends CallOptions {
  /** The address must be valid for at least this many milliseconds. Default: 3 600 000 (one hour). */
  readonly minTtlMs?: number | undefined;
}

/** An address under which a port of the sandbox is reached from outside. */
export interface PreviewUrl {
  /** Opens in a browser as it is. The credential is part of it, and it opens this one port. */
  readonly url: string;
  /** The same address for WebSockets. */
  readonly webSocketUrl: string;
  /** Headers for programs, such as the one that skips the provider's warning page. */
  readonly headers: Readonly<Record<string, string>>;
  readonly port: number;
  /** When the address ends; undefined where the provider sets no end. */
  readonly expiresAt: Date | undefined;
}
