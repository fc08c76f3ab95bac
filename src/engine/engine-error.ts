/** What went wrong in the engine itself; failures of files and programs carry Node's own codes (`ENOENT`, `EACCES`, …). */
export type EngineErrorCode =
  /** Namespaces do not work here. `message` has the reason and what to change. */
  | "ISOLATION_UNAVAILABLE"
  /** An argument is not acceptable, such as an id with a slash. */
  | "INVALID_ARGUMENT"
  /** There is already a sandbox of this id. */
  | "SANDBOX_EXISTS"
  /** The sandbox has been deleted. */
  | "SANDBOX_NOT_FOUND"
  /** The sandbox is not running, and the operation needs it to be. */
  | "SANDBOX_STOPPED"
  /** The sandbox did not start; nothing of the attempt is left. */
  | "SANDBOX_START_FAILED"
  /** Another process holds the sandbox's lock for longer than we wait. */
  | "SANDBOX_LOCKED"
  /** There is already a snapshot of this id. */
  | "SNAPSHOT_EXISTS"
  /** There is no such snapshot. */
  | "SNAPSHOT_NOT_FOUND"
  /** The snapshot could not be made; nothing of the attempt is left. */
  | "SNAPSHOT_FAILED"
  /** A limit that was asked for cannot be enforced on this machine. */
  | "LIMITS_UNAVAILABLE"
  /** A network of its own was asked for and cannot be had. */
  | "NETWORK_UNAVAILABLE"
  /** The sandbox has as many processes as it may have; the program was not started. */
  | "LIMIT_REACHED"
  /** Processes of the sandbox do not end although they were killed. */
  | "PROCESSES_REMAIN"
  /**
   * Whether a program was started, or how it ended, cannot be known: the small process that starts programs for the engine is gone,
   * killed for instance. The program may run on.
   */
  | "EXIT_UNKNOWN"
  /** This machine makes no PTYs for us. `message` has the reason. */
  | "PTY_UNAVAILABLE"
  /** The PTY has ended, and with it its terminal. */
  | "PTY_CLOSED"
  /** Without namespaces nothing can be mounted. */
  | "MOUNTS_UNAVAILABLE"
  /** There is already a volume of this id. */
  | "VOLUME_EXISTS"
  /** The state on disk cannot be understood. */
  | "STATE_UNREADABLE"
  /** The engine has been closed. */
  | "ENGINE_CLOSED";

export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: EngineErrorCode;

  constructor(code: EngineErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
