import { Deadline } from "../deadline.ts";
import type { CommandContext } from "./command-context.ts";
import type { BegunCommand, CommandStart } from "./command-start.ts";
import { killRecord } from "./kill-record.ts";

/**
 * Ends a command that its caller gave up, as far as this client's start began it, within a bound of its own: the caller's signal is
 * aborted already. True when its end is proven.
 */
export async function endWhatBegan(
  context: CommandContext,
  start: CommandStart,
  begun: BegunCommand | undefined,
): Promise<boolean> {
  if (!start.sent || begun?.alreadyStarted === true || begun?.ended !== undefined) return false;
  using bound = Deadline.start("exec", context.timing.abortTimeoutMs);
  try {
    const { record, starters } = start;
    const { report, left } = await killRecord(context, record, starters, bound.signal);
    return report.state === "exited" && left === 0;
  } catch {
    // The caller gets the reason for the kill. A sandbox that cannot be reached keeps its command, as documented.
    return false;
  }
}
