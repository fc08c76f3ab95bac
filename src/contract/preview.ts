import type { CallOptions } from "./call-options.ts";

export interface PreviewUrlOptions extends CallOptions {
  /** The address must be valid for at least this many milliseconds. Default: 3 600 000 (one hour). */
  readonly minTtlMs?: number | undefined;
}

/** Where a port of the sandbox is reached from outside, for now. */
export interface PreviewAddress {
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

export interface PreviewFetchOptions extends RequestInit {
  /** Milliseconds until the answer's status and headers are there; its body is bounded by `signal` alone. Default: 60 000. */
  readonly timeoutMs?: number;
}

export interface PreviewSocketOptions extends CallOptions {
  /** Sub-protocols to offer. */
  readonly protocols?: readonly string[] | undefined;
  /** More headers of the handshake. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What the events of a {@link PreviewSocket} carry. */
export interface PreviewSocketEvents {
  message: { readonly data: unknown };
  close: { readonly code: number; readonly reason: string; readonly wasClean: boolean };
  error: { readonly message: string };
}

/** An open WebSocket, with the standard's interface. The object is one of the package `ws`. */
export interface PreviewSocket {
  /** The sub-protocol that was chosen, or an empty text. */
  readonly protocol: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  binaryType: "nodebuffer" | "arraybuffer" | "fragments" | "blob";
  send(data: string | Uint8Array | ArrayBuffer): void;
  close(code?: number, reason?: string): void;
  addEventListener<Name extends keyof PreviewSocketEvents>(
    type: Name,
    listener: (event: PreviewSocketEvents[Name]) => void,
  ): void;
  removeEventListener<Name extends keyof PreviewSocketEvents>(
    type: Name,
    listener: (event: PreviewSocketEvents[Name]) => void,
  ): void;
}

/**
 * An address under which a port of the sandbox is reached from outside, and requests to it.
 *
 * A spread has the fields as they are now, and the methods. `JSON.stringify` gives a {@link PreviewAddress}, credential and all, to
 * be handed to a browser; `console.log` shows no credential.
 */
export interface PreviewUrl extends PreviewAddress {
  /**
   * `fetch` of a path on the port, such as `/api/items?limit=3`, with the credential. An address that has ended is renewed once, and the
   * fields of this object are those of the new one then. A redirect is followed on the same host alone. An answer that the provider
   * gives in the place of the app is an error and no `Response`.
   *
   * A request is sent again only where that does no harm: GET, HEAD, OPTIONS, PUT and DELETE whose body is no stream.
   *
   * @throws {@link PreviewError} when nothing answers on the port, when a redirect leads to another host, and for a web page where
   * `Accept` asks for JSON; {@link SandboxStateError} when the sandbox does not run; {@link ConnectionError}.
   */
  fetch(path: string, options?: PreviewFetchOptions): Promise<Response>;
  /**
   * Opens a WebSocket on the port, with the credential; an address that has ended is renewed once. Resolves when it is open. Default
   * `timeoutMs`: 60 000.
   *
   * @throws {@link PreviewError} when the handshake is refused, or nothing answers on the port; {@link SandboxStateError};
   * {@link ConnectionError}.
   */
  connectWebSocket(path: string, options?: PreviewSocketOptions): Promise<PreviewSocket>;
}
