import { SandboxError, type SandboxErrorOptions } from "./sandbox-error.ts";

/** Why there is no agent to talk to. */
export type AgentFailureReason =
  /** Its program could not be read, downloaded or uploaded, or is no longer in the sandbox. */
  | "program-missing"
  /** It ended; `exitCode` and `log` say how. */
  | "exited"
  /** It runs and did not answer through its preview address in time. */
  | "no-answer"
  /** It must be started again and needs secrets that neither the sandbox nor the config has: `missingSecrets`. */
  | "secrets-missing";

/** The agent could not be started, or does not answer. */
export class AgentError extends SandboxError {
  override readonly name = "AgentError";
  readonly code = "AGENT_FAILED";
  readonly reason: AgentFailureReason;
  /** Exit code of an agent that ended; undefined when it did not, or when nobody can know. */
  readonly exitCode: number | undefined;
  /** The last lines that it wrote, standard output before standard error. */
  readonly log: string;
  /** Names of the secrets that it was started with and that are missing now. */
  readonly missingSecrets: readonly string[];

  constructor(
    message: string,
    options: SandboxErrorOptions & {
      readonly reason: AgentFailureReason;
      readonly exitCode?: number | undefined;
      readonly log?: string | undefined;
      readonly missingSecrets?: readonly string[] | undefined;
    },
  ) {
    super(message, options);
    this.reason = options.reason;
    this.exitCode = options.exitCode;
    this.log = options.log ?? "";
    this.missingSecrets = options.missingSecrets ?? [];
  }
}
