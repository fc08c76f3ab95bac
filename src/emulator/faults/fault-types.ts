import type { SandboxState, SnapshotState, VolumeState } from "@daytona/api-client";
import type { RequestSurface } from "../http/request-log.ts";
import type { GitEffect } from "./git-effects.ts";
import type { PtyEffect } from "./pty-effects.ts";

/** Which requests or sandboxes a fault concerns. Every given field must match; an empty match concerns all. */
export interface FaultMatch {
  readonly surface?: RequestSurface;
  readonly method?: string;
  /** The route's template, such as `/toolbox/{sandboxId}/process/execute`, or a pattern of the concrete path. */
  readonly path?: string | RegExp;
  readonly sandboxId?: string;
  /** Name of the sandbox, or of the snapshot whose states are held or fail; for `POST /sandbox` the name that it asks for. */
  readonly name?: string;
}

/** Names of Daytona's rate limiters, which appear as suffixes of the 429's headers. */
export type Throttler = "anonymous" | "authenticated" | "sandbox-create" | "sandbox-lifecycle";

/** What happens to a request that matches. */
export type RequestEffect =
  /** Answered with this instead of being handled. A string body is sent as it is, anything else as JSON. */
  | {
      readonly type: "respond";
      readonly status: number;
      readonly body?: unknown;
      readonly contentType?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** 429 in the API's shape with `Retry-After-<throttler>` and no plain `Retry-After`. */
  | {
      readonly type: "rate-limit";
      readonly throttler: Throttler;
      readonly retryAfterSeconds: number;
    }
  /** 409 `Sandbox state change in progress`; `legacy` gives the older 400 with the same text. */
  | { readonly type: "state-conflict"; readonly legacy?: boolean }
  /** Handled after `ms`. */
  | { readonly type: "delay"; readonly ms: number }
  /** Read and never answered: a half-open connection. */
  | { readonly type: "hang" }
  /** The connection is destroyed before the request is handled. */
  | { readonly type: "reset" }
  /** Handled, and then the connection is destroyed without an answer. */
  | { readonly type: "handle-then-reset" }
  /** Handled, but the answer is kept back until `ms` have passed, or for ever without `ms`. */
  | { readonly type: "hold-answer"; readonly ms?: number }
  /** Handled; when the answer takes longer than `afterMs`, a gateway cuts it off while the work goes on. */
  | {
      readonly type: "cut";
      readonly afterMs: number;
      /** Status of the gateway's answer. Default: 504 with an HTML body. `hang`: no answer and no FIN. */
      readonly answer?: 408 | 502 | 504 | "hang" | "reset";
    }
  /** Handled; the connection is destroyed after this many bytes of the answer's body. */
  | { readonly type: "truncate"; readonly bytes: number }
  /** Handled; fields of the sandbox in the JSON answer are replaced (a stale state, another `toolboxProxyUrl`). */
  | { readonly type: "rewrite"; readonly fields: Readonly<Record<string, unknown>> };

/** What happens to a WebSocket of the toolbox, which is accepted as usual. All fields together. */
export interface SocketEffect {
  readonly type: "websocket";
  /** Binary frames to the client are cut into frames of at most so many bytes, in the middle of characters and markers too. */
  readonly splitBytes?: number;
  /** Binary frames to the client are collected until they have so many bytes; what is left is sent at the end. */
  readonly joinBytes?: number;
  /** Each frame to the client is held back so long. */
  readonly delayMs?: number;
  /** The connection ends early, after so many bytes of frames to the client. */
  readonly endAfterBytes?: number;
  /** The connection ends early, so long after it was opened. */
  readonly endAfterMs?: number;
  /** The connection ends early, when so long nothing went either way. */
  readonly endAfterIdleMs?: number;
  /**
   * How the connection ends, be it early or not. `close`: with `code` and `reason`; without a code clients see 1005.
   * `reset`: destroyed, clients see 1006. `hang`: nothing goes either way any more, and no FIN. Default: `reset` when it ends
   * early, else as the daemon ends it.
   */
  readonly end?: "close" | "reset" | "hang";
  readonly code?: number;
  /** At most 123 bytes. */
  readonly reason?: string;
}

/** What happens to a daemon, its commands and their logs. The request that it strikes is matched like any other. */
export type DaemonEffect =
  /**
   * The request kills the sandbox's daemon, which a supervisor starts again: the daemon's open requests are answered by a
   * bare 502, its WebSockets are cut, its sessions are forgotten. Without `afterMs` the request itself is not handled; with it
   * the daemon dies so long after it began. For `downMs` (default: 0) every request is a bare 502. The sandbox's processes
   * `survive`, but nobody reads their output any more, or are `killed`, all of them. Default: `survive`.
   */
  | {
      readonly type: "daemon-crash";
      readonly afterMs?: number;
      readonly downMs?: number;
      readonly processes?: "survive" | "killed";
    }
  /**
   * The timeout of a command does nothing (`ignored`), kills nothing and is told only at the end (`late`), or kills the shell
   * alone (`shell-only`): its children live on, and those that hold the output hold up the answer too.
   */
  | { readonly type: "exec-timeout"; readonly mode: "ignored" | "late" | "shell-only" }
  /**
   * A command of a session runs, but its exit code never appears (`no-exit-code`); it is accepted and never runs (`not-run`);
   * or the session's shell is killed, as for want of memory, `afterMs` (default: 0) after it got the command (`shell-dies`).
   */
  | {
      readonly type: "session-exec";
      readonly mode: "no-exit-code" | "not-run" | "shell-dies";
      readonly afterMs?: number;
    }
  /**
   * Struck by the exec request. The standard input of a synchronous command never ends (`left-open`), or that of an
   * asynchronous one ends after the first input (`ends-after-first`).
   */
  | { readonly type: "session-input"; readonly mode: "left-open" | "ends-after-first" }
  /**
   * Code is accepted by the interpreter and never runs, and the connection is closed as after a success (`not-run`); or its
   * worker is killed, as for want of memory, `afterMs` (default: 0) after the code was accepted (`worker-dies`).
   */
  | {
      readonly type: "interpreter-execute";
      readonly mode: "not-run" | "worker-dies";
      readonly afterMs?: number;
    }
  /** A log that is followed is not sent as it is. All fields together; `splice` counts bytes of the log, markers included. */
  | {
      readonly type: "log-follow";
      /** Of what the log holds when it is asked for, only so many bytes are sent. */
      readonly replayBytes?: number;
      /** Closed with 1000 as soon as the replay is over, whether the command has ended or not. */
      readonly endAtOnce?: boolean;
      /** Kept open so much longer after the command has ended. */
      readonly lingerMs?: number;
      /** The markers are left out. */
      readonly unlabelled?: boolean;
      /** From this byte on so many are left out, and these are sent instead. */
      readonly splice?: {
        readonly atByte: number;
        readonly dropBytes?: number;
        readonly insertBase64?: string;
      };
    };

/** What happens to a sandbox, or a snapshot, that matches, whatever the request. */
export type SandboxEffect =
  /**
   * A sandbox or snapshot that enters this state stays in it for `ms`, or as long as the fault is there. So does a volume,
   * matched by its name, in `pending_create` and `pending_delete`.
   */
  | {
      readonly type: "hold-state";
      readonly state: SandboxState | SnapshotState | VolumeState;
      readonly ms?: number;
    }
  /** The transition through this state ends in `error` (or `build_failed`). */
  | {
      readonly type: "fail-transition";
      readonly state: SandboxState | SnapshotState | VolumeState;
      readonly to?: "error" | "build_failed";
      readonly errorReason?: string;
      readonly recoverable?: boolean;
    }
  /** The sandbox is 404 on the API and 401 on the toolbox, as if it had never been. */
  | { readonly type: "vanish" }
  /**
   * The API says `started`, the toolbox and the previews answer a bare 502. With `stopsAfterMs` the sandbox is found `stopped`,
   * without a reason, so long after the first such answer.
   */
  | { readonly type: "zombie"; readonly stopsAfterMs?: number }
  /** Events of the sandbox are lost, or so much later. The connection itself is struck as a request to `/socket.io`. */
  | { readonly type: "events"; readonly delayMs?: number }
  /** The sandbox is made without its volumes, although the API says that it has them. */
  | { readonly type: "unmounted" }
  /** The sandbox is missing in lists. */
  | { readonly type: "unlisted" };

export type FaultEffect =
  | RequestEffect
  | SocketEffect
  | DaemonEffect
  | GitEffect
  | PtyEffect
  | SandboxEffect;

export interface FaultRule {
  readonly match?: FaultMatch;
  readonly effect: FaultEffect;
  /** Let this many matching occurrences pass first. Default: 0. */
  readonly skip?: number;
  /** How often the fault strikes. Default: as long as it is there. */
  readonly times?: number;
  /** The fault ends this many milliseconds after it was added. Default: never. */
  readonly forMs?: number;
}

/** A fault that was added. Removing it is enough; nothing else needs to be closed. */
export interface FaultHandle {
  readonly id: string;
  /** How often the fault has struck. */
  readonly hits: number;
  remove(): void;
}
