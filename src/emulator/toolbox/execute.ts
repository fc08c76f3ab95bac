import type { Readable, Writable } from "node:stream";
import type { ExecuteResponse } from "@daytona/toolbox-api-client";
import * as z from "zod/mini";
import type { EngineProcess } from "../../engine/engine-types.ts";
import { DaemonError } from "../http/daemon-error.ts";
import { sendJson } from "../http/send.ts";
import { errorCode, goErrorText, goText } from "./go-text.ts";
import {
  badRequest,
  daemonPath,
  readDaemonJson,
  type ToolboxCall,
  type ToolboxRoutes,
  workDirectory,
} from "./toolbox-call.ts";

const executeSchema = z.object({
  command: z.string(),
  cwd: z.nullish(z.string()),
  envs: z.nullish(z.record(z.string(), z.string())),
  timeout: z.nullish(z.int().check(z.minimum(0))),
});

type ExecuteBody = z.infer<typeof executeSchema>;

// One pipe for both outputs, so that they arrive in the order in which they were written. The script is standard input.
const bothOutputsInOnePipe = ["/bin/sh", "-c", 'exec "$0" 2>&1'];

// Daytona v0.190 daemon, child reaper: how long it waits for output to be closed after the shell has ended.
const outputDrainMs = 30_000;

export function addExecuteRoute(routes: ToolboxRoutes): void {
  routes.add("POST", "/process/execute", { handle: execute });
}

/** Runs a script on the standard input of the sandbox's shell. A client that leaves cancels nothing. */
async function execute(call: ToolboxCall): Promise<void> {
  const body = await parseExecute(call);
  const shell = await call.entry.shell.shellOf(call.engine);
  let child: EngineProcess;
  try {
    child = await call.engine.spawn([...bothOutputsInOnePipe, shell], {
      cwd: body.cwd ? daemonPath(call.engine, body.cwd) : workDirectory(call.engine),
      env: body.envs ?? {},
    });
  } catch (error) {
    if (!isForkFailure(error)) throw error;
    const result = `fork/exec ${shell}: ${goErrorText(error)}`;
    sendJson(call.response, 200, { exitCode: -1, result } satisfies ExecuteResponse);
    return;
  }
  const timeoutMode = body.timeout ? call.faults.execTimeoutMode(call.entry.subject) : undefined;
  const { exitCode, output, timedOut } = await runToEnd(child, body, timeoutMode);
  if (timedOut) throw executionTimeout();
  sendJson(call.response, 200, { exitCode, result: goText(output) } satisfies ExecuteResponse);
}

/** What fork and exec themselves can fail with: a bad directory, a missing shell, too long an environment. */
function isForkFailure(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "EACCES", "E2BIG"].includes(errorCode(error) ?? "");
}

async function parseExecute(call: ToolboxCall): Promise<ExecuteBody> {
  const parsed = executeSchema.safeParse(await readDaemonJson(call));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw badRequest(`invalid request body: ${issue?.path.join(".")}: ${issue?.message}`);
  }
  const body = parsed.data;
  if (body.command.trim() === "") throw badRequest("command cannot be empty or whitespace-only");
  const badName = Object.keys(body.envs ?? {}).find(
    (name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name),
  );
  if (badName !== undefined) throw badRequest(`invalid environment variable name: '${badName}'`);
  return body;
}

/** Feeds the script and collects the output until it is closed by everyone who holds it. */
async function runToEnd(
  child: EngineProcess,
  body: ExecuteBody,
  timeoutMode: "ignored" | "late" | undefined,
): Promise<{ exitCode: number; output: Buffer; timedOut: boolean }> {
  let timedOut = false;
  const timeoutMs = timeoutMode === "ignored" ? 0 : (body.timeout ?? 0) * 1000;
  const killer = timeoutMs > 0 ? setTimeout(expire, timeoutMs) : undefined;
  function expire(): void {
    timedOut = true;
    if (timeoutMode !== "late") child.kill("SIGKILL");
  }
  const output = new OutputCollector(child.stdout);
  child.stderr.resume();
  feed(child.stdin, body.command);
  try {
    const { exitCode } = await child.exited;
    await output.closedWithin(outputDrainMs);
    return { exitCode: exitCode ?? -1, output: output.bytes(), timedOut };
  } finally {
    clearTimeout(killer);
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
