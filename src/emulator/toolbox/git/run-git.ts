import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { EngineProcess } from "../../../engine/engine-types.ts";
import { DaemonGone } from "../daemon/toolbox-daemon.ts";
import { errorCode } from "../go-text.ts";
import { type ToolboxCall, workDirectory } from "../toolbox-call.ts";
import { gitFailure } from "./git-failure.ts";

export interface GitLogin {
  readonly username: string;
  readonly password: string;
}

export interface GitRun {
  readonly args: readonly string[];
  readonly input?: string;
  readonly login?: GitLogin | undefined;
  /** Not checked, as the real daemon's `insecure_skip_tls`. */
  readonly skipTlsVerification?: boolean;
}

export interface GitOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

// The real daemon has git in a library: no hooks, no signatures, no credential helpers, no prompts, and whoever owns the files.
const asTheLibrary = [
  ["credential.helper", ""],
  ["core.hooksPath", "/dev/null"],
  ["commit.gpgSign", "false"],
  ["core.quotePath", "false"],
  ["safe.directory", "*"],
  ["protocol.ext.allow", "never"],
] as const;

/** Runs the sandbox's own git. A failure of git is an outcome. */
export async function runGit(call: ToolboxCall, run: GitRun): Promise<GitOutcome> {
  const { gone } = call.daemon;
  if (gone.aborted) throw new DaemonGone("The daemon ended");
  const settings = asTheLibrary.flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  if (run.skipTlsVerification) settings.push("-c", "http.sslVerify=false");
  let child: EngineProcess;
  try {
    child = await call.engine.spawn(["git", ...settings, ...run.args], {
      cwd: workDirectory(call.engine),
      env: {
        LC_ALL: "C",
        GIT_TERMINAL_PROMPT: "0",
        GIT_ASKPASS: "/bin/false",
        ...login(run.login),
      },
    });
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    throw gitFailure(call, "other", 'exec: "git": executable file not found in $PATH');
  }
  // A dead daemon takes its library along.
  const abandon = () => child.kill("SIGKILL");
  gone.addEventListener("abort", abandon, { once: true });
  if (gone.aborted) abandon();
  child.stdin.end(run.input ?? "");
  try {
    const [stdout, stderr, { exitCode }] = await Promise.all([
      textOf(child.stdout),
      textOf(child.stderr),
      child.exited,
    ]);
    return { exitCode: exitCode ?? -1, stdout, stderr };
  } finally {
    gone.removeEventListener("abort", abandon);
  }
}

/**
 * Sends the login with the first request, as the library does, and by the environment: it is in no file and no argument.
 */
function login(given: GitLogin | undefined): Record<string, string> {
  if (given === undefined) return {};
  const basic = Buffer.from(`${given.username}:${given.password}`).toString("base64");
  return {
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "http.extraHeader",
    GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
  };
}

async function textOf(stream: Readable): Promise<string> {
  return (await buffer(stream)).toString("utf8");
}
