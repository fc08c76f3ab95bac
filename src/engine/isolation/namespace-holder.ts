import { once } from "node:events";
import { Socket } from "node:net";
import { EngineError } from "../engine-error.ts";
import { fieldMessage } from "../processes/field-message.ts";
import {
  identifyProcess,
  type ProcessIdentity,
  sendSignal,
} from "../processes/process-identity.ts";
import { hasEnvironmentVariable, readCommandLine } from "../processes/process-scan.ts";
import type { ProgramStarter } from "../processes/program-starter.ts";
import type { ProgramGroup, StartedProgram } from "../processes/started-program.ts";
import { SANDBOX_PATH } from "./environment.ts";
import { firstProcessName, READY_LINE } from "./holder-plan.ts";

const HOLDER_NAME = "sandbox-engine-holder";
/** In the environment of a sandbox's first process and of those that it starts. */
const MARKER_VARIABLE = "SANDBOX_ENGINE_HOLDER";
/** Tells people who look at the processes of the machine which sandbox it is. */
const FOLDER_VARIABLE = "SANDBOX_ENGINE_FOLDER";
const SETUP_TIMEOUT_MS = 30_000;

export interface HolderOptions {
  /** Tells the sandbox's own processes from all others, even if nobody recorded their PIDs. */
  readonly marker: string;
  /** The sandbox's. */
  readonly folder: string;
  readonly starter: ProgramStarter;
  readonly group: ProgramGroup | undefined;
}

export interface SandboxToBuild {
  /** As `holderPlan` gives it. */
  readonly plan: readonly string[];
  /** Relative to the root, each character a byte. They are needed last. */
  readonly hiddenPaths: Promise<readonly string[]>;
}

export interface BuiltSandbox {
  readonly holder: ProcessIdentity;
  /** The mount table of the sandbox just before it left the host's tree. */
  readonly mountTable: string;
}

/** The process that builds a sandbox and keeps its namespaces. When it dies, the sandbox's first process dies with it, and so every other. */
export class NamespaceHolder {
  readonly #starting: Promise<StartedProgram>;
  readonly #pipes: HolderPipes;

  private constructor(starting: Promise<StartedProgram>, pipes: HolderPipes) {
    this.#starting = starting;
    this.#pipes = pipes;
  }

  /** It waits for what to build, so it can be started while that is prepared. The caller calls `build` or `abandon`. */
  static async start(options: HolderOptions): Promise<NamespaceHolder> {
    const { marker, folder, starter, group } = options;
    const { starting, descriptors } = await starter.beginWithPipes({
      argv: [`${HOLDER_NAME} ${marker} ${folder}`],
      cwd: "/",
      env: {
        PATH: SANDBOX_PATH,
        LC_ALL: "C",
        [MARKER_VARIABLE]: marker,
        [FOLDER_VARIABLE]: folder,
      },
      holdsNamespaces: true,
      group,
    });
    const [input, output, error] = descriptors;
    const pipes: HolderPipes = {
      stdin: new Socket({ fd: input, readable: false, writable: true }),
      stdout: new Socket({ fd: output, readable: true, writable: false }),
      stderr: new Socket({ fd: error, readable: true, writable: false }),
    };
    // A program that failed before it read its input is reported by its exit.
    pipes.stdin.on("error", () => undefined);
    return new NamespaceHolder(starting, pipes);
  }

  /** Resolves when the sandbox is built. Rejects with nothing left running. */
  async build({ plan, hiddenPaths }: SandboxToBuild): Promise<BuiltSandbox> {
    const { stdin } = this.#pipes;
    try {
      stdin.write(fieldMessage(plan));
      const started = await this.#starting;
      const holder = identifyProcess(started.pid);
      const ready = waitUntilReady(this.#pipes, started.exited);
      ready.catch(() => undefined);
      stdin.end(fieldMessage(await Promise.race([hiddenPaths, ready.then(() => [])]), "latin1"));
      const mountTable = await ready;
      if (!holder) throw new EngineError("SANDBOX_START_FAILED", "The sandbox ended at once");
      this.#letGo(started);
      return { holder, mountTable };
    } catch (error) {
      await this.abandon();
      throw error;
    }
  }

  /** Resolves when it has ended, or could not be started. */
  async abandon(): Promise<void> {
    const started = await this.#starting.catch(() => undefined);
    if (started?.hasEnded === false) sendSignal(started.pid, "SIGKILL");
    await started?.exited;
    this.#letGo(started);
  }

  #letGo(started: StartedProgram | undefined): void {
    for (const stream of Object.values(this.#pipes)) stream.destroy();
    started?.unref();
  }
}

/** The holder of a sandbox or its first process, whose end is that of all others. */
export function keepsSandbox(pid: number, marker: string): boolean {
  const commandLine = readCommandLine(pid);
  return (
    commandLine.startsWith(`${HOLDER_NAME} ${marker} `) ||
    commandLine.endsWith(`\0${firstProcessName(marker)}\0`)
  );
}

/** Of the processes in the sandbox's own PID namespace, the first one and what that waits for. */
export function isFirstOrItsChild(pid: number, marker: string): boolean {
  return hasEnvironmentVariable(pid, `${MARKER_VARIABLE}=${marker}`);
}

interface HolderPipes {
  readonly stdin: Socket;
  readonly stdout: Socket;
  readonly stderr: Socket;
}

/** Resolves with what was printed before the line that says so. */
async function waitUntilReady(
  { stdout, stderr }: HolderPipes,
  exited: Promise<unknown>,
): Promise<string> {
  const complaints: string[] = [];
  stderr.setEncoding("utf8").on("data", (text: string) => complaints.push(text));
  const timeout = AbortSignal.timeout(SETUP_TIMEOUT_MS);
  try {
    const printed = await Promise.race([readUntilReady(stdout, timeout), exited]);
    if (typeof printed === "string") return printed;
  } catch (error) {
    if (!timeout.aborted) throw error;
    throw new EngineError(
      "SANDBOX_START_FAILED",
      `The sandbox was not built within ${SETUP_TIMEOUT_MS} ms: ${summarize(complaints)}`,
    );
  }
  if (!stderr.readableEnded) await once(stderr, "end", { signal: timeout });
  throw new EngineError("SANDBOX_START_FAILED", summarize(complaints));
}

async function readUntilReady(stdout: NodeJS.ReadableStream, signal: AbortSignal): Promise<string> {
  let text = "";
  stdout.setEncoding("utf8");
  stdout.on("data", (chunk: string) => {
    text += chunk;
  });
  const end = `${READY_LINE}\n`;
  while (!text.endsWith(end)) await once(stdout, "data", { signal });
  return text.slice(0, -end.length);
}

/** The first complaint and, when it is another, the last. */
function summarize(complaints: readonly string[]): string {
  const lines = complaints
    .join("")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return [lines[0] ?? "no message", ...lines.slice(1).slice(-1)].join("; ");
}
