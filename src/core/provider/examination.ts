import type { DoctorCheck } from "../../contract/doctor.ts";
import { SandboxError, type SandboxErrorCode } from "../../contract/sandbox-error.ts";
import type { Deadline } from "../deadline.ts";
import { untilAborted } from "../delay.ts";

/** What one look found. */
export type Finding = Omit<DoctorCheck, "name">;

export function healthy(message: string): Finding {
  return { status: "ok", message, advice: undefined };
}

export function sick(message: string, advice: string): Finding {
  return { status: "failed", message, advice };
}

export function unseen(message: string, advice?: string): Finding {
  return { status: "skipped", message, advice };
}

/** The checks of one `doctor`, in their order. */
export class Examination {
  readonly checks: DoctorCheck[] = [];
  readonly #deadline: Deadline;

  constructor(deadline: Deadline) {
    this.#deadline = deadline;
  }

  /** Looks, unless one of `needs` is not healthy. What the look rejects with is a finding, except the end of the deadline. */
  async check(
    name: string,
    needs: readonly string[],
    look: () => Finding | Promise<Finding>,
  ): Promise<void> {
    const missing = needs.find((need) => !this.isHealthy(need));
    const finding =
      missing === undefined ? await this.#look(look) : unseen(`Needs ${missing}, see there.`);
    this.checks.push({ name, ...finding });
  }

  isHealthy(name: string): boolean {
    return this.checks.some((check) => check.name === name && check.status === "ok");
  }

  async #look(look: () => Finding | Promise<Finding>): Promise<Finding> {
    try {
      // Nothing that hangs may hold up the report for ever.
      return await untilAborted(Promise.resolve(look()), this.#deadline.signal);
    } catch (error) {
      this.#deadline.throwIfEnded();
      if (!SandboxError.is(error)) throw error;
      return sick(error.message, advice[error.code] ?? "See the message.");
    }
  }
}

const advice: Partial<Record<SandboxErrorCode, string>> = {
  AUTHENTICATION_FAILED: "Use a key of this server, and one that has not expired.",
  PERMISSION_DENIED: "Use a key with the right that the message names.",
  CONNECTION_FAILED: "Check the network, a proxy between, and the address.",
  PROTOCOL: "Check the address.",
  QUOTA_EXCEEDED: "Delete sandboxes (`sweep` finds those that nobody uses), or raise the limit.",
  NO_CAPACITY: "Try again later, or in another region.",
  RATE_LIMITED: "Wait, and ask for less at once.",
  UNSUPPORTED_OPERATION: "Change what the message names.",
  CONFIG_INVALID: "Correct what the message names.",
};
