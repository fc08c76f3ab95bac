import { readlinkSync } from "node:fs";
import type { EngineProcess, EngineSandbox } from "../../../engine/engine-types.ts";
import {
  identifyProcess,
  type ProcessIdentity,
} from "../../../engine/processes/process-identity.ts";
import { listProcesses } from "../../../engine/processes/process-scan.ts";
import { type ToolboxCall, workDirectory } from "../toolbox-call.ts";
import type { SessionCommand } from "./session-command.ts";
import { sessionDirectory } from "./session-files.ts";
import { killShell, terminateShell } from "./terminate-shell.ts";

// Nobody reads what the shell itself says.
const withoutOutput = ["/bin/sh", "-c", 'exec "$0" >/dev/null 2>&1'];

/** One long-lived shell. What is written to its standard input runs one after another. */
export class Session {
  readonly id: string;
  readonly directory: string;
  readonly commands = new Map<string, SessionCommand>();
  readonly #engine: EngineSandbox;
  readonly #shell: EngineProcess;
  readonly #shellIdentity: ProcessIdentity | undefined;
  readonly #input: string | undefined;
  readonly #cancelled = new AbortController();

  private constructor(id: string, engine: EngineSandbox, shell: EngineProcess) {
    this.id = id;
    this.directory = sessionDirectory(engine, id);
    this.#engine = engine;
    this.#shell = shell;
    this.#shellIdentity = identifyProcess(shell.pid);
    this.#input = inputOf(shell.pid);
    shell.stdout.resume();
    shell.stderr.resume();
  }

  static async start(
    { entry, engine, daemon }: Pick<ToolboxCall, "entry" | "engine" | "daemon">,
    id: string,
  ): Promise<Session> {
    const shell = await engine.spawn([...withoutOutput, await entry.shell.shellOf(engine)], {
      cwd: workDirectory(engine),
    });
    const session = new Session(id, engine, shell);
    // With the daemon its end of the pipe goes: the shell reads to the end of what it has, and ends.
    const abandon = () => {
      shell.stdin.destroy();
      session.#cancelled.abort();
    };
    if (daemon.gone.aborted) abandon();
    else daemon.gone.addEventListener("abort", abandon, { once: true });
    session.cancelled.addEventListener(
      "abort",
      () => daemon.gone.removeEventListener("abort", abandon),
      { once: true },
    );
    await engine.files.makeDirectory(session.directory, { recursive: true });
    return session;
  }

  /** Aborts when the session is deleted or its daemon ends. */
  get cancelled(): AbortSignal {
    return this.#cancelled.signal;
  }

  /**
   * Hands text to the shell, and waits until it has a place in the pipe. When the shell has ended, the pipe may still be open:
   * zsh leaves it to its background jobs. Then the text is accepted and nobody ever reads it.
   */
  async write(text: string): Promise<void> {
    const failure = await new Promise<Error | null | undefined>((resolve) => {
      this.#shell.stdin.write(text, resolve);
    });
    if (failure && !this.#isInputOpen())
      throw new Error("failed to write command: write |1: broken pipe");
  }

  /** The shell alone dies, as when the kernel runs out of memory. */
  killShell(): void {
    killShell(this.#shellIdentity);
  }

  /** Ends the shell and what it started, and removes the session's files. */
  async delete(): Promise<void> {
    await terminateShell(this.#shell, this.#shellIdentity);
    this.#cancelled.abort();
    this.#shell.stdin.destroy();
    await this.#engine.files.remove(this.directory, { recursive: true });
  }

  #isInputOpen(): boolean {
    return this.#input !== undefined && listProcesses().some((pid) => inputOf(pid) === this.#input);
  }
}

/** What a process has as its standard input, such as `pipe:[4711]`. */
function inputOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/fd/0`);
  } catch {
    // The process is gone, or it is another user's.
    return undefined;
  }
}
