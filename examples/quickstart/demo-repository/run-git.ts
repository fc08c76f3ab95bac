import { spawn } from "node:child_process";

/** Environment in which git reads no configuration of this machine or its user. */
export function gitEnvironment(): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    LC_ALL: "C",
  };
}

/** Runs git to its end and returns its standard output. Rejects with what git said when it fails. */
export function runGit(args: readonly string[], input = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", args, { env: gitEnvironment(), stdio: "pipe" });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    // git that ends early closes the pipe; its exit code then says why.
    child.stdin.on("error", () => {});
    child.on("error", reject);
    child.on("close", (exitCode) => {
      if (exitCode === 0) resolve(Buffer.concat(stdout).toString());
      else reject(new Error(`git ${args.join(" ")} failed: ${Buffer.concat(stderr).toString()}`));
    });
    child.stdin.end(input);
  });
}
