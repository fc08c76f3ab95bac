import type { Readable, Writable } from "node:stream";
import type { EngineProcess } from "../../engine/engine-types.ts";
import { sendSignal } from "../../engine/processes/process-identity.ts";
import type { DaemonEffect } from "../faults/fault-types.ts";
import { DaemonError } from "../http/daemon-error.ts";
import { errorCode, goErrorText } from "./go-text.ts";
import { badRequest, type ToolboxCall } from "./toolbox-call.ts";

export interface Script {
  readonly text: string;
  /** Absolute. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** 0: none. */
  readonly timeoutSeconds: number;
}

export interface ScriptOutcome {
  /** -1 when a signal ended the shell, or when it could not be started: the output then says why. */
  readonly exitCode: number;
  readonly output: Buffer;
}

type TimeoutMode = Extract<DaemonEffect, { type: "exec-timeout" }>["mode"];

// One pipe for both outputs, so that they arrive in the order in which they were written. The script is standard input.
const bothOutputsInOnePipe = ["/bin/sh", "-c", 'exec "$0" 2>&1'];

// Daytona v0.190 daemon, child reaper: how long it waits for output to be closed after the shell has ended.
const outputDrainMs = 30_000;

/**
 * Runs a script on the standard input of the sandbox's shell.
 *
 * @throws DaemonError 408 after the timeout; the output is lost.
 */
export async function runScript(call: ToolboxCall, script: Script): Promise<ScriptOutcome> {
  const shell = await call.entry.shell.shellOf(call.engine);
  let child: EngineProcess;
  try {
    child = await call.engine.spawn([...bothOutputsInOnePipe, shell], {
      cwd: script.cwd,
      env: script.env,
    });
  } catch (error) {
    if (!isForkFailure(error)) throw error;
    return { exitCode: -1, output: Buffer.from(`fork/exec ${shell}: ${goErrorText(error)}`) };
  }
  const effect =
    script.timeoutSeconds > 0 ? call.faults.strikeDaemon("exec-timeout", call.subject) : undefined;
  return runToEnd(child, script, effect?.mode, call.daemon.gone);
}

/** What fork and exec themselves can fail with: a bad directory, a missing shell, too long an environment. */
function isForkFailure(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "EACCES", "E2BIG"].includes(errorCode(error) ?? "");
}

export function checkVariableNames(env: Readonly<Record<string, string>>): void {
  const bad = Object.keys(env).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (bad !== undefined) throw badRequest(`invalid environment variable name: '${bad}'`);
}

/** Feeds the script and collects the output until it is closed by everyone who holds it. */
async function runToEnd(
  child: EngineProcess,
  { text, timeoutSeconds }: Script,
  mode: TimeoutMode | undefined,
  gone: AbortSignal,
): Promise<ScriptOutcome> {
  let timedOut = false;
  const timeoutMs = mode === "ignored" ? 0 : timeoutSeconds * 1000;
  const killer = timeoutMs > 0 ? setTimeout(expire, timeoutMs) : undefined;
  function expire(): void {
    timedOut = true;
    if (mode === "shell-only") sendSignal(child.pid, "SIGKILL");
    else if (mode !== "late") child.kill("SIGKILL");
  }
  // A dead daemon kills nothing and reads nothing.
  const abandon = () => {
    clearTimeout(killer);
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  };
  gone.addEventListener("abort", abandon, { once: true });
  const output = new OutputCollector(child.stdout);
  child.stderr.resume();
  feed(child.stdin, text);
  try {
    const { exitCode } = await child.exited;
    await output.closedWithin(outputDrainMs);
    if (timedOut) throw executionTimeout();
    return { exitCode: exitCode ?? -1, output: output.bytes() };
  } finally {
    clearTimeout(killer);
    gone.removeEventListener("abort", abandon);
  }
}

function feed(stdin: Writable, script: string): void {
  // A shell that exits before the end of its script closes the pipe: its exit code says how it went.
  stdin.on("error", () => {});
  stdin.end(script);
}

class OutputCollector {
  readonly #chunks: Buffer[] = [];
  readonly #stream: Readable;
  readonly #closed: Promise<void>;

  constructor(stream: Readable) {
    this.#stream = stream;
    stream.on("data", this.#collect);
    this.#closed = new Promise((resolve) => {
      stream.once("close", resolve);
      stream.once("end", resolve);
      stream.once("error", resolve);
    });
  }

  /** Waits for the end of the output. After the limit the rest is read and thrown away, so that no writer gets SIGPIPE. */
  async closedWithin(limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
    });
    try {
      await Promise.race([this.#closed, limit]);
    } finally {
      clearTimeout(timer);
      this.#stream.removeListener("data", this.#collect);
      this.#stream.resume();
    }
  }

  readonly #collect = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
  };

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

function executionTimeout(): DaemonError {
  return new DaemonError({
    status: 408,
    code: "PROCESS_EXECUTION_TIMEOUT",
    olderCode: "REQUEST_TIMEOUT",
    message: "request timeout: command execution timeout",
  });
}
