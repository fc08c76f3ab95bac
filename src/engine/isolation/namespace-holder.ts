import { once } from "node:events";
import { Socket } from "node:net";
import { EngineError } from "../engine-error.ts";
import { fieldMessage } from "../processes/field-message.ts";
import {
  identifyProcess,
  type ProcessIdentity,
  sendSignal,
} from "../processes/process-identity.ts";
import type { ProgramStarter } from "../processes/program-starter.ts";
import type { ProgramGroup } from "../processes/started-program.ts";
import { SANDBOX_PATH } from "./environment.ts";
import { READY_LINE } from "./holder-plan.ts";
import { HOLDER_PROGRAM } from "./holder-program.ts";
import { systemCallArguments } from "./system-calls.ts";

export const HOLDER_VARIABLE = "SANDBOX_ENGINE_HOLDER";
/** Tells people who look at the processes of the machine which sandbox it is. */
const FOLDER_VARIABLE = "SANDBOX_ENGINE_FOLDER";
const SETUP_TIMEOUT_MS = 30_000;

export interface HolderOptions {
  readonly perl: string;
  /** As `holderPlan` gives it. */
  readonly plan: readonly string[];
  /** In the holder's environment, so that it is found even if nobody recorded its PID. */
  readonly marker: string;
  /** The sandbox's. */
  readonly folder: string;
  /** Relative to the root, each character a byte. They are needed last. */
  readonly hiddenPaths: Promise<readonly string[]>;
  readonly starter: ProgramStarter;
  readonly group: ProgramGroup | undefined;
}

export interface StartedHolder {
  readonly holder: ProcessIdentity;
  /** The mount table of the sandbox just before it left the host's tree. */
  readonly mountTable: string;
}

/**
 * Starts the process that keeps a sandbox's namespaces, and waits until the sandbox is built. When it dies, the sandbox's
 * first process dies with it, and with that every other. Rejects with nothing left running.
 */
export async function startHolder(options: HolderOptions): Promise<StartedHolder> {
  const { perl, marker, folder, hiddenPaths, starter, group } = options;
  const argv = [perl, "-e", HOLDER_PROGRAM, "--", ...systemCallArguments()];
  const env = {
    PATH: SANDBOX_PATH,
    LC_ALL: "C",
    [HOLDER_VARIABLE]: marker,
    [FOLDER_VARIABLE]: folder,
  };
  const { started, descriptors } = await starter.startWithPipes({ argv, cwd: "/", env, group });
  const [input, output, error] = descriptors;
  const pipes: HolderPipes = {
    stdin: new Socket({ fd: input, readable: false, writable: true }),
    stdout: new Socket({ fd: output, readable: true, writable: false }),
    stderr: new Socket({ fd: error, readable: true, writable: false }),
  };
  const holder = identifyProcess(started.pid);
  try {
    // A program that failed before it read its input is reported by its exit.
    pipes.stdin.on("error", () => undefined);
    pipes.stdin.write(fieldMessage(options.plan));
    const ready = waitUntilReady(pipes, started.exited);
    ready.catch(() => undefined);
    pipes.stdin.end(
      fieldMessage(await Promise.race([hiddenPaths, ready.then(() => [])]), "latin1"),
    );
    const mountTable = await ready;
    if (!holder) throw new EngineError("SANDBOX_START_FAILED", "The sandbox ended at once");
    return { holder, mountTable };
  } catch (error) {
    if (!started.hasEnded) sendSignal(started.pid, "SIGKILL");
    await started.exited;
    throw error;
  } finally {
    for (const stream of Object.values(pipes)) stream.destroy();
    started.unref();
  }
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
