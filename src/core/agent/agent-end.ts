import { AgentError } from "../../contract/agent-errors.ts";
import { type CommandContext, mostGenerations } from "../commands/command-context.ts";
import type { ProcessObserver, StreamName } from "../processes/process-observer.ts";
import type { FoundRecord } from "../processes/sandbox-processes.ts";
import { agentExitCodes } from "./agent-command.ts";

const shownLines = 20;
const shownBytes = 4_096;

/** Whether a process has ended, as far as its record says. */
export function isOver({ report }: Pick<FoundRecord, "report">): boolean {
  const state = report?.report.state;
  return state === "exited" || state === "gone" || state === "restarted" || state === "burned";
}

/** The last lines of an agent's standard output and standard error; empty when they cannot be had. */
export async function lastLines(
  { requests, questions }: CommandContext,
  observer: ProcessObserver,
  signal: AbortSignal,
): Promise<string> {
  const processId = observer.record.replace(/_[0-9]$/, "");
  const settled = await requests.askUntilAnswered(
    questions.lookUp(processId, mostGenerations),
    signal,
  );
  if (settled === "no-folder") return "";
  observer.accept(settled);
  const tail = async (stream: StreamName): Promise<string> => {
    const sizeBytes = observer.sizeOf(stream);
    if (sizeBytes === 0) return "";
    const bytes = await observer.read(
      stream,
      Math.max(0, sizeBytes - shownBytes),
      sizeBytes,
      signal,
    );
    return Buffer.from(bytes).toString().trimEnd().split("\n").slice(-shownLines).join("\n");
  };
  return [await tail("stdout"), await tail("stderr")].filter((text) => text !== "").join("\n");
}

/**
 * @param answer - What came from its port instead of its own answer; undefined when it was not asked.
 */
export async function explainEnd(
  context: CommandContext,
  observer: ProcessObserver,
  answer: string | undefined,
  signal: AbortSignal,
): Promise<AgentError> {
  const log = await lastLines(context, observer, signal);
  const exitCode = observer.exit?.exitCode;
  if (exitCode === agentExitCodes.programMissing) {
    return new AgentError("The agent's program did not arrive whole in the sandbox.", {
      reason: "program-missing",
      exitCode,
      log,
      retryable: true,
    });
  }
  if (exitCode === agentExitCodes.recordNotWritten) {
    return new AgentError("What the agent is could not be written down in the sandbox.", {
      reason: "program-missing",
      exitCode,
      log,
    });
  }
  const how = exitCode === undefined ? "and nobody can know how" : `with exit code ${exitCode}`;
  const instead = answer === undefined ? "" : ` At its address there was ${answer}.`;
  const said = log === "" ? " It wrote nothing." : ` The last that it wrote:\n${log}`;
  return new AgentError(`The agent ended ${how}.${instead}${said}`, {
    reason: "exited",
    exitCode,
    log,
  });
}
