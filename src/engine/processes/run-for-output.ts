import { once } from "node:events";
import { Socket } from "node:net";
import type { EngineProcessExit } from "../engine-types.ts";
import { sendSignal } from "./process-identity.ts";
import type { ProgramStarter } from "./program-starter.ts";

/** Runs a program of the machine's without input, and gives what it printed. After the time it is killed. */
export async function runForOutput(
  starter: ProgramStarter,
  argv: readonly string[],
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<EngineProcessExit & { readonly stdout: Buffer }> {
  const { started, descriptors } = await starter.startWithPipes({
    argv,
    cwd: "/",
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
  });
  const [input, output, error] = descriptors;
  const stdin = new Socket({ fd: input, readable: false, writable: true });
  const stdout = new Socket({ fd: output, readable: true, writable: false });
  const stderr = new Socket({ fd: error, readable: true, writable: false });
  const chunks: Buffer[] = [];
  stdin.on("error", () => undefined).end();
  stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  stderr.resume();
  const timer = setTimeout(() => sendSignal(started.pid, "SIGKILL"), timeoutMs);
  try {
    const closed = once(stdout, "close");
    const exit = await started.exited;
    await closed;
    return { ...exit, stdout: Buffer.concat(chunks) };
  } finally {
    clearTimeout(timer);
    for (const stream of [stdin, stdout, stderr]) stream.destroy();
  }
}
