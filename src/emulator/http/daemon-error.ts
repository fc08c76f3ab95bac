import type { ServerProfile } from "../server-profile.ts";

export interface DaemonErrorDetails {
  readonly status: number;
  /** Code of the newer daemon, such as `FILE_NOT_FOUND`. */
  readonly code: string;
  readonly message: string;
  /** Code of the 0.190 daemon where it differs. */
  readonly olderCode?: string;
  /** True where the 0.190 daemon answers with a status and an empty body, as all file calls do. */
  readonly emptyInOlder?: boolean;
  /** Who answers. Default: the daemon. */
  readonly source?: "DAYTONA_DAEMON" | "DAYTONA_PROXY";
}

/** A failure of the in-sandbox daemon, or of the proxy in front of it. */
export class DaemonError extends Error {
  override readonly name = "DaemonError";
  readonly status: number;
  readonly #details: DaemonErrorDetails;

  constructor(details: DaemonErrorDetails) {
    super(details.message);
    this.status = details.status;
    this.#details = details;
  }

  get isFromProxy(): boolean {
    return this.#details.source === "DAYTONA_PROXY";
  }

  /** The body, or undefined when this server answers with none. */
  toBody(
    profile: ServerProfile,
    request: { readonly method: string; readonly path: string },
  ): Record<string, unknown> | undefined {
    const { status, message, code, olderCode, emptyInOlder, source } = this.#details;
    const common = { timestamp: new Date().toISOString(), ...request };
    if (profile.typedErrors)
      return { statusCode: status, source: source ?? "DAYTONA_DAEMON", code, message, ...common };
    if (emptyInOlder) return undefined;
    return { statusCode: status, message, code: olderCode ?? code, ...common };
  }
}
