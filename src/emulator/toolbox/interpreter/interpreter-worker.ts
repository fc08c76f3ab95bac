import type { EngineProcess, EngineSandbox } from "../../../engine/engine-types.ts";
import {
  identifyProcess,
  type ProcessIdentity,
  signalProcess,
} from "../../../engine/processes/process-identity.ts";
import { errorCode, goErrorText } from "../go-text.ts";
import { workerScript } from "./worker-script.ts";

// Daytona v0.190 daemon: the longest line of its worker that it reads. After a longer one it reads no more.
const longestLineBytes = 1024 * 1024;

/** What a worker says: one line of it. */
export interface WorkerMessage {
  readonly type: string;
  readonly text: string;
  readonly name: string;
  readonly value: string;
  readonly traceback: string;
}

export interface WorkerHandlers {
  /** A promise makes the worker wait. */
  readonly onMessages: (messages: readonly WorkerMessage[]) => Promise<void>;
  /** `failed`: otherwise than with exit code 0. */
  readonly onEnd: (failed: boolean) => void;
}

/** The worker could not be started. `message` is what the daemon says. */
export class WorkerStartFailed extends Error {
  override readonly name = "WorkerStartFailed";
}

/** The Python process of a context. */
export class InterpreterWorker {
  readonly #process: EngineProcess;
  readonly #identity: ProcessIdentity | undefined;
  readonly #ended: Promise<void>;
  #isRunning = true;

  private constructor(process: EngineProcess, handlers: WorkerHandlers) {
    this.#process = process;
    this.#identity = identifyProcess(process.pid);
    // What a dying interpreter says goes to the daemon's own log.
    process.stderr.resume();
    void this.#read(handlers);
    this.#ended = process.exited.then(({ exitCode }) => {
      this.#isRunning = false;
      handlers.onEnd(exitCode !== 0);
    });
  }

  /** @throws WorkerStartFailed without a Python, or without that directory. */
  static async start(
    engine: EngineSandbox,
    cwd: string,
    handlers: WorkerHandlers,
  ): Promise<InterpreterWorker> {
    try {
      const process = await spawnPython(engine, cwd);
      return new InterpreterWorker(process, handlers);
    } catch (error) {
      throw startFailure(error, cwd);
    }
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Hands it a command. False when it does not take any more. */
  async give(code: string, envs: Readonly<Record<string, string>>): Promise<boolean> {
    const failure = await new Promise<Error | null | undefined>((resolve) => {
      this.#process.stdin.write(`${JSON.stringify({ code, envs })}\n`, resolve);
    });
    return !failure;
  }

  /** To the interpreter alone: the daemon knows nothing of what it has started. */
  signal(signal: NodeJS.Signals): void {
    if (this.#identity !== undefined) signalProcess(this.#identity, signal);
  }

  /** Whether it ends within this time. */
  async endsWithin(limitMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
    });
    await Promise.race([this.#ended, limit]);
    clearTimeout(timer);
    return !this.#isRunning;
  }

  /** As the end of the daemon does it: its ends of the pipes go. */
  abandon(): void {
    const { stdin, stdout, stderr } = this.#process;
    for (const stream of [stdin, stdout, stderr]) stream.destroy();
  }

  async #read({ onMessages }: WorkerHandlers): Promise<void> {
    let rest = Buffer.alloc(0);
    try {
      // The pipe stays open after the loop, so that a worker with more to say waits for ever.
      for await (const chunk of this.#process.stdout.iterator({ destroyOnReturn: false })) {
        const bytes = Buffer.concat([rest, chunk as Buffer]);
        const end = bytes.lastIndexOf(0x0a) + 1;
        rest = bytes.subarray(end);
        const lines = bytes.subarray(0, end).toString("utf8").split("\n");
        const tooLong = lines.findIndex((line) => Buffer.byteLength(line) >= longestLineBytes);
        await onMessages(messagesOf(tooLong < 0 ? lines : lines.slice(0, tooLong)));
        if (tooLong >= 0 || rest.length >= longestLineBytes) break;
      }
    } catch {
      // Abandoned, or the sandbox has stopped.
    }
  }
}

async function spawnPython(engine: EngineSandbox, cwd: string): Promise<EngineProcess> {
  try {
    return await engine.spawn(["python3", "-c", workerScript], { cwd });
  } catch (error) {
    if (errorCode(error) !== "ENOENT" || isAboutDirectory(error)) throw error;
    return engine.spawn(["python", "-c", workerScript], { cwd });
  }
}

function messagesOf(lines: readonly string[]): WorkerMessage[] {
  return lines.flatMap((line) => {
    try {
      const message: unknown = JSON.parse(line);
      return typeof message === "object" && message !== null ? [asMessage(message)] : [];
    } catch {
      // What others have written there. The real daemon logs it.
      return [];
    }
  });
}

function asMessage(message: object): WorkerMessage {
  const field = (name: string): string => {
    const value: unknown = Reflect.get(message, name);
    return typeof value === "string" ? value.toWellFormed() : "";
  };
  return {
    type: field("type"),
    text: field("text"),
    name: field("name"),
    value: field("value"),
    traceback: field("traceback"),
  };
}

function isAboutDirectory(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && error.syscall === "chdir";
}

function startFailure(error: unknown, cwd: string): unknown {
  const code = errorCode(error) ?? "";
  if (!["ENOENT", "ENOTDIR", "EACCES", "E2BIG"].includes(code)) return error;
  const complaint = isAboutDirectory(error)
    ? `chdir ${cwd}: ${goErrorText(error)}`
    : code === "ENOENT"
      ? 'exec: "python3": executable file not found in $PATH'
      : `fork/exec python3: ${goErrorText(error)}`;
  return new WorkerStartFailed(
    `failed to start context: failed to start Python worker: ${complaint}`,
  );
}
