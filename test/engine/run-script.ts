import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { builtProgram } from "../helpers/built-program.ts";

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;

export interface ScriptOptions {
  /** Programs and arguments that come before Node's own, such as `setpriv …`. */
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a TypeScript file in a Node process of its own, and gives what it prints. */
export async function runScript(
  script: URL,
  scriptArguments: readonly string[],
  { prefix = [], env = {} }: ScriptOptions = {},
): Promise<string> {
  const file = await builtProgram(script);
  const argv = [...prefix, process.execPath, file, ...scriptArguments];
  const [program = "", ...programArguments] = argv;
  const { stdout } = await run(program, programArguments, {
    env: { ...process.env, ...env },
    timeout: TIMEOUT_MS,
  });
  return stdout;
}
