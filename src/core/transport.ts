import type { IdleConfig } from "../contract/config.ts";
import { SandboxStateError } from "../contract/lifecycle-errors.ts";
import type { PreviewAddress } from "../contract/preview.ts";
import { ConnectionError } from "../contract/provider-errors.ts";
import type { SandboxState } from "../contract/status.ts";
import type { PreviewRules } from "./preview/preview-rules.ts";
import type { SnapshotTransport } from "./snapshots/snapshot-transport.ts";

/** The name that `create` asked for is in use: by a sandbox of ours, or by a stranger's. */
export class NameTakenError extends SandboxStateError {}

/** The provider was not reached, so the request has certainly not begun there. */
export class NotSentError extends ConnectionError {}

/** Every call of a transport is bounded by the signal of the deadline above it. */
export interface TransportCall {
  readonly signal: AbortSignal;
}

/** What a provider says about a sandbox, in our words. */
export interface SandboxRecord {
  readonly id: string;
  /** The sandbox's name at the provider. */
  readonly name: string;
  readonly state: SandboxState;
  readonly providerState: string;
  /** The provider's reason of an error state, where it gave one. */
  readonly message: string | undefined;
  /** Whether the provider is on its way to `running` without being asked, as an archived sandbox that is being restored. */
  readonly becomingRunning: boolean;
  /** True when the provider's reason of the error is that the entry point of the image has ended. */
  readonly hasEndedEntrypoint?: boolean | undefined;
  /** Whether the provider offers to repair the error. */
  readonly recoverable: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** What is known of the build of its image: under way, or failed. */
  readonly build?: "running" | "failed" | undefined;
  /** Undefined where the provider does not say. */
  readonly createdAt?: Date | undefined;
  /** When the sandbox was last used, as the provider counts; undefined where nobody does. */
  readonly lastActivityAt?: Date | undefined;
  /** Minutes without activity after which it is stopped; 0 means never, undefined that nobody counts. */
  readonly autoStopMinutes?: number | undefined;
}

export interface CreateSandboxRequest {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly idle: Required<IdleConfig>;
}

/** An option of the config that the provider did not do. */
export interface UnmetOption {
  /** Name of the option, such as `resources.cpu`. */
  readonly path: string;
  readonly asked: string;
  readonly actual: string;
}

/** An entry point that has ended in a sandbox that goes on without it. */
export interface EndedEntrypoint {
  readonly exitCode: number;
  /** What it wrote last. */
  readonly output: string;
}

/** A range of bytes; `end` is exclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface FileUpload {
  readonly path: string;
  readonly content: Uint8Array | AsyncIterable<Uint8Array>;
}

/** What a live terminal tells. Neither is called after the other end of the connection was closed by us. */
export interface TerminalHandlers {
  readonly onOutput: (bytes: Uint8Array) => void;
  /** The connection is gone, by whatever cause; that says nothing about what ran in the terminal. */
  readonly onClosed: () => void;
}

/** A shell of the provider's on a terminal, shown over a connection. */
export interface LiveTerminal {
  /** Resolves when the provider has the input; rejects when nobody knows. */
  send(bytes: Uint8Array): Promise<void>;
  /** Closes the connection and removes the terminal, as far as that is possible now. */
  close(): void;
}

/** A terminal that was opened by other means than ours. */
export interface ProviderTerminal {
  readonly id: string;
  readonly createdAt: Date | undefined;
}

/** What one running sandbox offers inside. */
export interface SandboxChannel {
  /**
   * Runs a script in a shell of the image (any of sh, dash, bash, busybox, zsh), which reads it from standard input or a file,
   * waits for its end, and returns standard output and standard error together, as text in which bytes that are not UTF-8 are
   * U+FFFD. Rejects with a typed error; after a `ConnectionError` the script may or may not have run, may still run, or may begin later.
   */
  runScript(script: string, call: TransportCall): Promise<string>;
  /** Bytes of a file as it is now; `sizeBytes` is the size of the whole file. Without a range: all of it. */
  read(
    path: string,
    range: ByteRange | undefined,
    call: TransportCall,
  ): Promise<{ readonly sizeBytes: number; readonly stream: ReadableStream<Uint8Array> }>;
  /** Creates or overwrites files in as few requests as the provider allows; parents are made. Not atomic. */
  upload(files: readonly FileUpload[], call: TransportCall): Promise<void>;
  /** The terminals that the provider itself has open, without those of `openTerminal`. Undefined where it has none. */
  readonly listTerminals?: ((call: TransportCall) => Promise<ProviderTerminal[]>) | undefined;
  /**
   * Opens a terminal with a shell in it and shows it, for what must not wait for a poll. Resolves when it is connected. Undefined
   * where the provider has none: then polls do.
   */
  readonly openTerminal?:
    | ((handlers: TerminalHandlers, call: TransportCall) => Promise<LiveTerminal>)
    | undefined;
}

/** The log of the build of an image, from its beginning. */
export interface BuildLogSource {
  /** The log as it is now, or with `follow` as it grows. It may end at any time. */
  open(
    options: { readonly follow: boolean },
    call: TransportCall,
  ): Promise<ReadableStream<Uint8Array>>;
}

/** What a provider must offer; everything else is written once on top of it. */
export interface Transport {
  /** True for a provider that is never behind: one answer that there is no such sandbox proves it. Default: two do. */
  readonly isNeverBehind?: boolean;
  readonly previewRules: PreviewRules;
  /** True where `/dev/shm` outlives a sandbox, because it is not its own: then no secret may be left there. Default: false. */
  readonly sharesMemory?: boolean;
  /**
   * Asks for a sandbox and resolves as soon as the provider has accepted; it need not be running. Rejects with
   * `NameTakenError` when the name is taken. After any other rejection the sandbox may exist all the same, if `onSend` was called:
   * that happens just before the request leaves.
   */
  create(
    request: CreateSandboxRequest,
    call: TransportCall,
    onSend: () => void,
  ): Promise<SandboxRecord>;
  /**
   * What of the config is not so, by the provider's last answer about that sandbox, and the user that commands must run as, which
   * only the sandbox itself can tell. No request. A provider that has no options of its own has none of this.
   */
  readonly asked?: (sandboxId: string) => {
    readonly options: readonly UnmetOption[];
    readonly user: string | undefined;
  };
  /**
   * How the entry point that the config names for the sandbox's image has ended. Undefined while it runs, and where none is named.
   * A transport without it has no entry points, or ends the sandbox with them.
   */
  readonly findEndedEntrypoint?:
    | ((sandboxId: string, call: TransportCall) => Promise<EndedEntrypoint | undefined>)
    | undefined;
  /** The sandbox with that ID or name; undefined when the provider says that there is none. Never cached. */
  find(idOrName: string, call: TransportCall): Promise<SandboxRecord | undefined>;
  /**
   * The sandboxes that have all of these labels, each once, in the order of their creation. It may be behind: what counts is what
   * `find` says.
   */
  list(
    labels: Readonly<Record<string, string>>,
    call: TransportCall,
  ): Promise<readonly SandboxRecord[]>;
  /** Asks; resolves when accepted. Rejects with a retryable `SandboxStateError` while another change is under way. */
  requestStart(sandboxId: string, call: TransportCall): Promise<void>;
  requestStop(sandboxId: string, call: TransportCall): Promise<void>;
  requestRecovery(sandboxId: string, call: TransportCall): Promise<void>;
  /** Asks for deletion; a sandbox that is gone is fine. Rejects with a retryable `SandboxStateError` while a change is under way. */
  requestDelete(sandboxId: string, call: TransportCall): Promise<void>;
  /** Lets the sandbox count as used now. */
  recordActivity(sandboxId: string, call: TransportCall): Promise<void>;
  replaceLabels(
    sandboxId: string,
    labels: Readonly<Record<string, string>>,
    call: TransportCall,
  ): Promise<void>;
  setIdle(sandboxId: string, idle: Required<IdleConfig>, call: TransportCall): Promise<void>;
  getPreviewUrl(
    sandboxId: string,
    port: number,
    minTtlMs: number,
    call: TransportCall,
  ): Promise<PreviewAddress>;
  /** The log of the build that makes a sandbox's image. No request. Undefined where nothing is built. */
  readonly openBuildLog?: ((sandboxId: string) => BuildLogSource) | undefined;
  /** Undefined where there are none. */
  readonly snapshots?: SnapshotTransport | undefined;
  /** The inside of a sandbox. No request. */
  openChannel(sandboxId: string): SandboxChannel;
  /** Closes connections and cancels requests in flight. Nothing of it keeps the process alive afterwards. */
  close(): Promise<void>;
}
