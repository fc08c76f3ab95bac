/**
 * State of a sandbox, the same words for every provider.
 *
 * `none` is before `setup`; `unknown` is a state of the provider that this version does not know; `deleted` is proven.
 */
export type SandboxState =
  | "none"
  | "starting"
  | "running"
  | "stopping"
  | "stopped"
  | "archived"
  | "error"
  | "unknown"
  | "deleted";

/** A fresh answer of the provider, never a cached one. */
export interface Status {
  readonly state: SandboxState;
  /** ID of the sandbox; undefined in state `none`. */
  readonly id: string | undefined;
  /** What the provider says about an error, else undefined. */
  readonly message: string | undefined;
  /** The provider's own word for the state. */
  readonly providerState: string | undefined;
}
