import { spawn } from "node:child_process";
import { existsSync } from "node:fs";

export const plainShell = ["/bin/sh", "-c", "true"];

/** What people use to run one command in a sandbox: new namespaces over the host's `/usr`. Undefined where it is not installed. */
export const bubblewrap = existsSync("/usr/bin/bwrap")
  ? [
      "/usr/bin/bwrap",
      ...["--ro-bind", "/usr", "/usr"],
      ...["/bin", "/lib", "/lib64", "/sbin"].flatMap((path) => ["--symlink", `usr${path}`, path]),
      ...["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"],
      ...["--unshare-all", "--share-net", "--die-with-parent"],
      "true",
    ]
  : undefined;

/** Runs a program to its end. Rejects unless it succeeds. */
export function runHostProgram(argv: readonly string[]): Promise<void> {
  const [program = "", ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "ignore" });
    child.once("error", reject);
    child.once("exit", (exitCode) => {
      if (exitCode === 0) resolve();
      else reject(new Error(`${program} ended with ${String(exitCode)}`));
    });
  });
}
