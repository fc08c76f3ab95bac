import type { CommandContext } from "./command-context.ts";
import type { SettledRecord } from "./sandbox-records.ts";

/**
 * Ends all processes of a command, or keeps it from beginning; `left` are those that would not go.
 *
 * @param starters - Names of starts; what another start began is left alone. Undefined: whoever began it.
 */
export function killRecord(
  { killRequests, questions, timing }: CommandContext,
  record: string,
  starters: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<SettledRecord> {
  const question = questions.kill(record, timing.killGraceSeconds, starters);
  return killRequests.askUntilAnswered(question, signal);
}
