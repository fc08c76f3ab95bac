import type { BackendConfig } from "../../contract/config.ts";
import { FileAccessError, GitError } from "../../contract/file-errors.ts";
import { SandboxStateError } from "../../contract/lifecycle-errors.ts";
import type { CommandOutcome } from "../commands/command-request.ts";
import type { CommandRunner } from "../commands/command-runner.ts";
import type { Deadline } from "../deadline.ts";
import { gitAccess, hostOfUrl, withPrologue } from "../git/git-credentials.ts";
import { gitErrorKind } from "../git/git-error-kind.ts";
import { hashTexts } from "../sandbox-identity.ts";
import type { SetupProgress } from "../setup/setup-progress.ts";
import {
  dotfilesExitCodes,
  dotfilesMarkerScript,
  dotfilesScript,
  installCommand,
  installMark,
} from "./dotfiles-script.ts";

/** Several hosts may set up one sandbox; each failed run is followed by at most so many others. */
const attempts = 10;
/** What the repository's own program may take; the deadline of the setup ends it earlier. */
const installTimeoutMs = 600_000;
const outputBytes = 256 * 1024;
const logBytes = 64 * 1024 * 1024;
const shownBytes = 2_000;

/**
 * Clones the dotfiles, links them, and runs the program that they bring, each by a durable command whose ID follows from the sandbox
 * and the URL: of several hosts one runs it, and the others follow that same run.
 */
export async function installDotfiles(
  runner: CommandRunner,
  config: BackendConfig,
  progress: SetupProgress,
  deadline: Deadline,
  signal: AbortSignal,
): Promise<void> {
  const url = config.dotfiles ?? "";
  const task = hashTexts([runner.context.sandboxId, url]);
  const markerName = `dotfiles-${task}`;
  const access = gitAccess(config.gitCredentials, hostOfUrl(config.repoUrl ?? url));
  const script = dotfilesScript(url, markerName);
  const run = (id: string, command: string, options: Partial<Parameters<typeof runner.run>[0]>) =>
    untilOwnFailure((attempt) =>
      runner.run(
        {
          command,
          cwd: "/",
          env: {},
          timeoutMs: Math.max(1, Math.round(deadline.remainingMs)),
          maxOutputBytes: outputBytes,
          maxLogBytes: logBytes,
          processId: `${id}${task}x${attempt}`,
          keep: true,
          ...options,
        },
        signal,
      ),
    );
  const linked = await run("dotfiles", String(withPrologue(script, access.prologue)), {
    secretEnv: access.secretEnv,
  });
  if (linked.exitCode !== 0) throw explain(linked, url);
  const install = announced(linked);
  if (install === undefined) return;
  const stdout = progress.output("dotfiles", "stdout");
  const stderr = progress.output("dotfiles", "stderr");
  // It has no git credentials: what it downloads is its own affair.
  const command = `(${installCommand(install)}\n) || exit\n${dotfilesMarkerScript(markerName)}`;
  const installed = await run("dotinstall", command, {
    timeoutMs: Math.min(installTimeoutMs, Math.max(1, Math.round(deadline.remainingMs))),
    onStdout: stdout.add,
    onStderr: stderr.add,
  });
  stdout.end();
  stderr.end();
  if (installed.exitCode === 0) return;
  throw new SandboxStateError(
    `${install} of the dotfiles ended with exit code ${installed.exitCode}. ${tailOf(installed)}`.trim(),
    { operation: "setup" },
  );
}

/** A failed run that was another host's is no failure of this call, which has a try of its own. */
async function untilOwnFailure(
  run: (attempt: number) => Promise<CommandOutcome>,
): Promise<CommandOutcome> {
  for (let attempt = 0; ; attempt++) {
    const outcome = await run(attempt);
    if (outcome.exitCode === 0 || !outcome.alreadyStarted || attempt + 1 >= attempts) {
      return outcome;
    }
  }
}

function announced({ stdoutBytes }: CommandOutcome): "install.sh" | "setup.sh" | undefined {
  const line = Buffer.from(stdoutBytes)
    .toString()
    .split("\n")
    .find((text) => text.startsWith(installMark));
  const name = line?.slice(installMark.length);
  return name === "install.sh" || name === "setup.sh" ? name : undefined;
}

function tailOf({ stdoutBytes, stderrBytes }: CommandOutcome): string {
  const shown = stderrBytes.length > 0 ? stderrBytes : stdoutBytes;
  return Buffer.from(shown).toString().trim().slice(-shownBytes);
}

function explain(outcome: CommandOutcome, url: string): Error {
  const said = tailOf(outcome);
  if (outcome.exitCode === dotfilesExitCodes.gitMissing) {
    return new GitError(
      "There is no git in the sandbox, so the dotfiles cannot be cloned. Use an image with git.",
      { operation: "setup", kind: "git-missing", stderr: said },
    );
  }
  if (outcome.exitCode === dotfilesExitCodes.notLinked) {
    return new FileAccessError(
      `The dotfiles could not be linked into the home directory: ${said}`,
      { operation: "setup", path: "~", reason: "other" },
    );
  }
  const kind = gitErrorKind(said);
  return new GitError(`The dotfiles could not be cloned from ${url}: ${said}`, {
    operation: "setup",
    kind,
    stderr: said,
    retryable: kind === "unreachable",
  });
}
