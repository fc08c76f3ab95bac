import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { runQuietly } from "../processes/run-quietly.ts";

const run = promisify(execFile);

/**
 * Removes a folder with everything in it; follows no link and stays silent when there is nothing.
 *
 * `rm` and not Node's own: a sandbox holds names that are not UTF-8, which Node cannot remove, and directories without
 * permissions (the work directories of overlays), which an ordinary user must open first.
 */
export async function removeTree(path: string): Promise<void> {
  if (await runQuietly("rm", "-rf", "--", path)) return;
  const options = { env: { PATH: "/usr/bin:/bin", LC_ALL: "C" } };
  await run("chmod", ["-R", "u+rwX", "--", path], options);
  await run("rm", ["-rf", "--", path], options);
}
