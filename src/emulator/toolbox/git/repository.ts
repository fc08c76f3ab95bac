import { posix } from "node:path";
import { errorCode } from "../go-text.ts";
import { daemonPath, type ToolboxCall } from "../toolbox-call.ts";
import { classifyGit } from "./classify-git.ts";
import { gitFailure } from "./git-failure.ts";
import { type GitOutcome, type GitRun, runGit } from "./run-git.ts";

/** A repository of the sandbox. */
export class Repository {
  /** Absolute. */
  readonly path: string;
  readonly call: ToolboxCall;
  readonly #gitDirectory: string;

  private constructor(call: ToolboxCall, path: string, gitDirectory: string) {
    this.call = call;
    this.path = path;
    this.#gitDirectory = gitDirectory;
  }

  /**
   * Opens the repository in this directory itself, bare or not; one further up does not count.
   *
   * @throws DaemonError 404 when there is none.
   */
  static async open(call: ToolboxCall, path: string): Promise<Repository> {
    const absolute = daemonPath(call.engine, path);
    const inside = posix.join(absolute, ".git");
    if (await isThere(call, inside)) return new Repository(call, absolute, inside);
    if (await isThere(call, posix.join(absolute, "HEAD")))
      return new Repository(call, absolute, absolute);
    throw gitFailure(call, "repository-not-found");
  }

  /** What a clone of this directory would find. */
  static async existsIn(call: ToolboxCall, path: string): Promise<boolean> {
    return isThere(call, posix.join(daemonPath(call.engine, path), ".git"));
  }

  get isBare(): boolean {
    return this.#gitDirectory === this.path;
  }

  /** Runs git in the repository. A failure of git is an outcome. */
  async try(args: readonly string[], more: Omit<GitRun, "args"> = {}): Promise<GitOutcome> {
    return runGit(this.call, { ...more, args: ["-C", this.path, ...this.#place(), ...args] });
  }

  /** Runs git in the repository. @throws DaemonError as the daemon tells what git says. */
  async git(args: readonly string[], more: Omit<GitRun, "args"> = {}): Promise<string> {
    const outcome = await this.try(args, more);
    if (outcome.exitCode !== 0) throw classifyGit(this.call, outcome);
    return outcome.stdout;
  }

  /** Whether git is content with these arguments. */
  async says(...args: readonly string[]): Promise<boolean> {
    return (await this.try(args)).exitCode === 0;
  }

  hasBranch(name: string): Promise<boolean> {
    return this.says("show-ref", "--verify", "--quiet", `refs/heads/${name}`);
  }

  /** The branch that HEAD stands for, such as `main`, born or not; undefined when HEAD is detached. */
  async branch(): Promise<string | undefined> {
    const { exitCode, stdout } = await this.try(["symbolic-ref", "--quiet", "HEAD"]);
    return exitCode === 0 ? stdout.trim().replace(/^refs\/heads\//, "") : undefined;
  }

  /** @throws DaemonError 409 when a tracked file differs from the index. */
  async requireNoUnstagedChanges(): Promise<void> {
    if (await this.says("diff-files", "--quiet")) return;
    // Files that were only touched count as changed until the index is refreshed.
    await this.try(["update-index", "-q", "--refresh"]);
    if (!(await this.says("diff-files", "--quiet")))
      throw gitFailure(this.call, "unstaged-changes");
  }

  /** Puts HEAD on an object that need not exist, as the older daemon's library does. */
  async detachBlindly(hash: string): Promise<void> {
    const head = posix.join(this.#gitDirectory, "HEAD");
    await this.call.engine.files.write(head, Buffer.from(`${hash}\n`));
  }

  #place(): string[] {
    // Git would otherwise look for a repository further up when this one is broken.
    if (this.isBare) return [`--git-dir=${this.path}`];
    return [`--git-dir=${this.#gitDirectory}`, `--work-tree=${this.path}`];
  }
}

async function isThere({ engine }: ToolboxCall, path: string): Promise<boolean> {
  try {
    await engine.files.stat(path, { followSymlinks: true });
    return true;
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes(errorCode(error) ?? "")) return false;
    throw error;
  }
}
