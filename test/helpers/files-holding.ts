import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Files of the folder, whatever their names, that hold one of the texts. */
export async function filesHolding(directory: string, texts: readonly string[]): Promise<string[]> {
  const patterns = texts.flatMap((text) => ["-e", text]);
  try {
    const { stdout } = await run("grep", ["-rlaF", ...patterns, "--", directory]);
    return stdout.trim().split("\n");
  } catch (error) {
    // Exit code 1 says that there is none; 2 that a file went away meanwhile, and then too it says what it found.
    const { code, stdout } = error as { code?: unknown; stdout?: string };
    if (code !== 1 && code !== 2) throw error;
    return (stdout ?? "").split("\n").filter((line) => line !== "");
  }
}
