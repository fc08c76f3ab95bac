import type { RunCodeOptions } from "../../../contract/code-interpreter.ts";
import type { CommandContext } from "../../../core/commands/command-context.ts";
import type { ExecutionMessage, ExecutionRequest, ExecutionSocket } from "./execution-socket.ts";

/** What a run needs of its interpreter. */
export interface RunEnvironment {
  readonly commands: CommandContext;
  /** Absolute path of the folder for runs. */
  readonly folder: string;
  readonly open: (
    request: ExecutionRequest,
    onMessage: (message: ExecutionMessage) => void,
    signal: AbortSignal,
  ) => Promise<ExecutionSocket>;
  /** Names of runs whose files are not needed any more; emptied by whoever removes them. */
  readonly unneeded: string[];
  /** Called when the interpreter process of the context is gone. */
  readonly onContextGone: (contextId: string) => void;
}

export interface RunRequest extends RunCodeOptions {
  readonly code: string;
  readonly contextId: string;
  readonly timeoutMs: number;
  readonly env: Readonly<Record<string, string>>;
}
