import { CompletionUnknownError, ProcessNotFoundError } from "../../contract/command-errors.ts";
import type { CommandContext } from "../commands/command-context.ts";
import { killRecord } from "../commands/kill-record.ts";
import type { SandboxProcesses } from "../processes/sandbox-processes.ts";

/** Ends an agent that another one takes the place of, or that nobody can use; proven, because it has the port. */
export async function endOldAgent(
  {
    context,
    processes,
  }: { readonly context: CommandContext; readonly processes: SandboxProcesses },
  processId: string,
  signal: AbortSignal,
): Promise<void> {
  let name: string;
  try {
    ({ name } = await processes.find(processId, signal));
  } catch (error) {
    if (error instanceof ProcessNotFoundError) return;
    throw error;
  }
  const { left } = await killRecord(context, name, undefined, signal);
  if (left === 0) return;
  throw new CompletionUnknownError("The agent that ran before could not be ended.", {
    reason: "kill-unconfirmed",
    processId,
  });
}
