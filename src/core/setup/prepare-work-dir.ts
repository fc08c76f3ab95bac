import { GitError, type GitErrorKind } from "../../contract/file-errors.ts";
import { SandboxStateError } from "../../contract/lifecycle-errors.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import type { CommandOutcome } from "../commands/command-request.ts";
import type { CommandRunner } from "../commands/command-runner.ts";
import type { Deadline } from "../deadline.ts";
import { cloneExitCodes, cloneScript } from "../git/clone-script.ts";
import { gitAccess, hostOfUrl, withPrologue } from "../git/git-credentials.ts";
import { gitErrorKind } from "../git/git-error-kind.ts";
import { hashTexts } from "../sandbox-identity.ts";
import { isBelowHome } from "../work-dir.ts";
import type { SetupRequest } from "./setup-request.ts";

/** Several hosts may set up one sandbox; each failed run is followed by at most so many others. */
const attempts = 10;

/** A volume is proven first, because a clone beside it would go into an ordinary directory of the same name. */
function mayBeginAtOnce({ config, identity }: SetupRequest): boolean {
  return !isBelowHome(identity.workDir) && !config.volumes?.length;
}

/**
 * Makes the working directory and clones into it, by one durable command whose ID follows from the sandbox and the request:
 * of several hosts one runs it, and the others follow that same run to its end. A host that dies leaves the command running.
 *
 * @param resolved - The absolute path, once the sandbox has answered. Where it is known before, the command begins beside that first
 * answer; what fails because the sandbox did not answer yet is tried again after it.
 */
export async function prepareWorkDir(
  runner: CommandRunner,
  request: SetupRequest,
  resolved: Promise<string>,
  deadline: Deadline,
  signal: AbortSignal,
): Promise<void> {
  let isAwaited = !mayBeginAtOnce(request);
  const workDir = isAwaited ? await resolved : request.identity.workDir;
  const { config, identity } = request;
  const { sandboxId } = runner.context;
  const task = hashTexts([sandboxId, identity.fingerprint]);
  const { repoUrl } = config;
  // Without a repository they are for the dotfiles alone.
  const access =
    repoUrl === undefined
      ? gitAccess(undefined, undefined)
      : gitAccess(config.gitCredentials, hostOfUrl(repoUrl));
  const script = cloneScript({
    workDir,
    repoUrl,
    branchName: config.branchName,
    commit: config.commit,
    cloneDepth: config.cloneDepth,
    submodules: config.submodules ?? false,
    markerName: `ready-${task}`,
  });
  const run = async (attempt: number): Promise<CommandOutcome> => {
    const command = runner.run(
      {
        command: withPrologue(script, access.prologue),
        cwd: "/",
        env: {},
        secretEnv: access.secretEnv,
        timeoutMs: Math.max(1, Math.round(deadline.remainingMs)),
        maxOutputBytes: 256 * 1024,
        maxLogBytes: 64 * 1024 * 1024,
        processId: `setup${task}x${attempt}`,
        keep: true,
      },
      signal,
    );
    if (isAwaited) return command;
    return command.catch(async (error: unknown) => {
      isAwaited = true;
      await resolved;
      signal.throwIfAborted();
      if (!SandboxError.is(error)) throw error;
      return run(attempt);
    });
  };
  for (let attempt = 0; ; attempt++) {
    const outcome = await run(attempt);
    if (outcome.exitCode === 0) return;
    // The failed run was another host's, with its own credentials and network; this call has a try of its own.
    if (outcome.alreadyStarted && attempt + 1 < attempts) continue;
    throw explain(outcome.exitCode, Buffer.from(outcome.stderrBytes).toString(), request, workDir);
  }
}

function explain(exitCode: number, stderr: string, request: SetupRequest, workDir: string): Error {
  const { repoUrl } = request.config;
  const words = stderr.trim().slice(-2_000);
  const git = (kind: GitErrorKind, message: string): GitError =>
    new GitError(message, {
      operation: "setup",
      kind,
      stderr: words,
      retryable: kind === "unreachable",
    });
  switch (exitCode) {
    case cloneExitCodes.workDirNotMade:
      return new SandboxStateError(
        `The working directory ${workDir} cannot be made or written by the sandbox's user, and sudo does not help. Choose another \`workDir\`, such as one below the home directory.`,
        { operation: "setup" },
      );
    case cloneExitCodes.gitMissing:
      return git(
        "git-missing",
        "There is no git in the sandbox, so nothing can be cloned. Use an image with git.",
      );
    case cloneExitCodes.directoryNotEmpty:
      return git(
        "directory-not-empty",
        `${workDir} is not empty and holds no repository, so nothing was cloned into it. Choose another \`workDir\`.`,
      );
    case cloneExitCodes.otherOrigin:
      return git("other-origin", `${workDir} holds a clone of another repository (${words}).`);
    default: {
      const kind = gitErrorKind(stderr);
      return git(kind, `git could not clone ${repoUrl ?? workDir} (${sentences[kind]}): ${words}`);
    }
  }
}

const sentences: Readonly<Record<GitErrorKind, string>> = {
  "authentication-failed": "the remote asked for credentials or refused them; set `gitCredentials`",
  "repository-not-found": "the remote has no such repository, or hides it without credentials",
  "commit-not-found": "the remote does not have that commit",
  unreachable:
    "the remote could not be reached from the sandbox; a provider may limit outgoing connections, by `network` or by the account",
  "other-origin": "the directory holds another repository",
  "directory-not-empty": "the directory is not empty",
  "git-missing": "there is no git in the sandbox",
  failed: "see what it said",
};
