import type { Command, ExecOptions, ExecResult } from "../../contract/command.ts";
import { CommandFailedError } from "../../contract/command-errors.ts";
import { withGitAccess } from "../git/git-credentials.ts";
import { type CommandRequest, defaultMaxLogBytes } from "./command-request.ts";
import type { CommandRunner } from "./command-runner.ts";

const defaultMaxOutputBytes = 64 * 1024 * 1024;
const shownStderr = 1_000;

/** Runs a checked command and shapes its outcome into what `exec` promises. */
export async function runExec(
  commands: CommandRunner,
  command: Command,
  options: ExecOptions & { readonly timeoutMs: number; readonly cwd: string },
  signal: AbortSignal,
): Promise<ExecResult> {
  const { onStdout, onStderr, stdin } = options;
  const outcome = await commands.run(
    {
      ...withGitAccess(command, options.gitCredentials),
      cwd: options.cwd,
      user: options.user,
      env: options.env ?? {},
      ...inputOf(stdin),
      timeoutMs: options.timeoutMs,
      maxOutputBytes: options.maxOutputBytes ?? defaultMaxOutputBytes,
      maxLogBytes: options.maxLogBytes ?? defaultMaxLogBytes,
      ...(onStdout === undefined ? {} : { onStdout }),
      ...(onStderr === undefined ? {} : { onStderr }),
    },
    signal,
  );
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const { exitCode, signal: endSignal, stdoutBytes, stderrBytes, truncated } = outcome;
  const { durationMs, leftBackgroundProcesses } = outcome;
  const result: ExecResult = {
    exitCode,
    signal: endSignal,
    stdout: decoder.decode(stdoutBytes),
    stderr: decoder.decode(stderrBytes),
    stdoutBytes,
    stderrBytes,
    truncated,
    durationMs,
    leftBackgroundProcesses,
  };
  if (exitCode !== 0 && options.check !== false) {
    const said = result.stderr.trim().slice(-shownStderr);
    throw new CommandFailedError(
      `The command ended with exit code ${exitCode}.${said === "" ? "" : ` It said: ${said}`}`,
      { result },
    );
  }
  return result;
}

function inputOf(
  stdin: ExecOptions["stdin"],
): Pick<CommandRequest, "stdin" | "feeds" | "stdinStream"> {
  if (stdin === undefined) return {};
  if (typeof stdin === "string") return { stdin: Buffer.from(stdin) };
  if (stdin instanceof Uint8Array) return { stdin };
  return { feeds: true, stdinStream: stdin };
}
