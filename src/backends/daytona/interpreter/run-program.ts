import { processVariable } from "../../../core/commands/run-file.ts";
import { chartProgram } from "./chart-program.ts";
import { recorderProgram } from "./recorder-program.ts";

export interface RunProgramInput {
  /** Begins every line that this program sends; new in each run, so that no output of the code can look like it. */
  readonly tag: string;
  /** Absolute path of the run's own folder; its parent exists. Making it is the claim: who makes it decides whether the code runs. */
  readonly folder: string;
  readonly code: string;
  readonly contextId: string;
  /** Bytes of output above which the code is interrupted. */
  readonly maxLogBytes: number;
  /** Names of folders beside this one that are not needed any more. */
  readonly unneeded: readonly string[];
}

/**
 * Python that runs the code and records what happens. Daytona's own worker loses what subprocesses print and long output, hands
 * its own protocol to code that reads standard input, and calls a run that was interrupted a success.
 *
 * JSON's texts are texts of Python, too.
 */
export function runProgram(input: RunProgramInput): string {
  const { tag, folder, code, contextId, maxLogBytes, unneeded } = input;
  const parameters = {
    tag,
    folder,
    code,
    contextId,
    maxLogBytes,
    unneeded,
    processVariable,
    inlineBytes: 4 * 1024 * 1024,
    inlineResultBytes: 256 * 1024,
  };
  const variables = `{"__name__": "sandbox_backend", "namespace": globals(), "run": __import__("json").loads(${text(JSON.stringify(parameters))})}`;
  return `exec(compile(${text(program)}, "<sandbox-backend>", "exec"), ${variables})\n`;
}

function text(value: string): string {
  return JSON.stringify(value);
}

const program = `${recorderProgram}${chartProgram}\nmain()\n`;
