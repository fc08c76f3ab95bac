import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

export interface ProgramResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs: number;
}

/** Runs a program to its end, with nothing on its standard input. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { cwd, env = process.env, timeoutMs }: ProgramOptions,
): Promise<ProgramResult> {
  const child = spawn(program, args, {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  const ended = new Promise<Pick<ProgramResult, "exitCode" | "signal">>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode, signal) => resolve({ exitCode, signal }));
  });
  const [stdout, stderr, end] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { ...end, stdout, stderr };
}

/** The same; rejects unless the program ends with exit code 0, and gives its standard output. */
export async function outputOf(
  program: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<string> {
  const result = await runProgram(program, args, options);
  if (result.exitCode === 0) return result.stdout;
  const end = result.signal ?? `exit code ${result.exitCode}`;
  throw new Error(
    `${[program, ...args].join(" ")} ended with ${end}:\n${result.stdout}${result.stderr}`,
  );
}
