import type { Readable } from "node:stream";
import type {
  EngineProcessExit,
  EngineProcessOptions,
  EngineSandbox,
} from "../../src/engine/engine-types.ts";

export interface ProgramResult extends EngineProcessExit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program in a sandbox to its end, without input. */
export async function runProgram(
  sandbox: EngineSandbox,
  argv: readonly string[],
  options?: EngineProcessOptions,
): Promise<ProgramResult> {
  const child = await sandbox.spawn(argv, options);
  child.stdin.end();
  const [stdout, stderr, exit] = await Promise.all([
    collect(child.stdout),
    collect(child.stderr),
    child.exited,
  ]);
  return { ...exit, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** All bytes of a stream. (`stream/consumers` would leave a handle that is reported as a leak.) */
export async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}

export async function runShell(
  sandbox: EngineSandbox,
  script: string,
  options?: EngineProcessOptions,
): Promise<ProgramResult> {
  return runProgram(sandbox, ["sh", "-c", script], options);
}
