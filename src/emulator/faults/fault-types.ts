import type { SandboxState } from "@daytona/api-client";
import type { RequestSurface } from "../http/request-log.ts";

/** Which requests or sandboxes a fault concerns. Every given field must match; an empty match concerns all. */
export interface FaultMatch {
  readonly surface?: RequestSurface;
  readonly method?: string;
  /** The route's template, such as `/toolbox/{sandboxId}/process/execute`, or a pattern of the concrete path. */
  readonly path?: string | RegExp;
  readonly sandboxId?: string;
  /** Name of the sandbox; for `POST /sandbox` the name that it asks for. */
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

/** What happens to a sandbox that matches, whatever the request. */
export type SandboxEffect =
  /** A sandbox that enters this state stays in it for `ms`, or as long as the fault is there. */
  | { readonly type: "hold-state"; readonly state: SandboxState; readonly ms?: number }
  /** The transition through this state ends in `error` (or `build_failed`). */
  | {
      readonly type: "fail-transition";
      readonly state: SandboxState;
      readonly to?: "error" | "build_failed";
      readonly errorReason?: string;
      readonly recoverable?: boolean;
    }
  /** The sandbox is 404 on the API and 401 on the toolbox, as if it had never been. */
  | { readonly type: "vanish" }
  /** The API says `started`, the toolbox and the previews answer a bare 502. */
  | { readonly type: "zombie" }
  /** The sandbox is missing in lists. */
  | { readonly type: "unlisted" }
  /** The timeout of `process/execute` does nothing (`ignored`), or kills nothing and is told only at the end (`late`). */
  | { readonly type: "exec-timeout"; readonly mode: "ignored" | "late" };

export type FaultEffect = RequestEffect | SandboxEffect;

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
