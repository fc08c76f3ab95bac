import type { AgentConfig } from "./agent.ts";

/** Credentials for a git remote over HTTP. */
export interface GitCredentials {
  /** Default: `git`, which the large hosts accept beside a token. */
  readonly username?: string | undefined;
  /** Password or access token. */
  readonly password: string;
  /**
   * Host (and port, when it is not the default one) that may be answered. Default: the host of `repoUrl`, else of `dotfiles`; for
   * `exec`, of any remote.
   */
  readonly host?: string | undefined;
}

/** How long an idle sandbox lives, in minutes, counted by the provider. Finite by default, so that a forgotten sandbox ends. */
export interface IdleConfig {
  /** Minutes without activity until the sandbox stops. 0 means never. Default: 15. */
  readonly autoStopMinutes?: number | undefined;
  /** Minutes that a sandbox stays stopped until it is archived. Default: 1 440 (one day). */
  readonly autoArchiveMinutes?: number | undefined;
  /** Minutes that a sandbox stays stopped until it is deleted. -1 means never. Default: 43 200 (thirty days). */
  readonly autoDeleteMinutes?: number | undefined;
}

/** A directory that outlives sandboxes, and that several of them can have mounted. */
export interface VolumeConfig {
  /** The volume's name at the provider: the same name is the same volume. */
  readonly name: string;
  /** Absolute path in the sandbox, outside `workDir`. */
  readonly mountPath: string;
  /** Only this directory of the volume, such as `teams/a`. Default: all of it. */
  readonly subpath?: string | undefined;
  /** Whether a volume that does not exist is made. Default: true; false rejects with `VolumeError`. */
  readonly create?: boolean | undefined;
}

/** What every backend's config has. */
export interface BackendConfig {
  /** What this sandbox is for, in any text, such as `repo/branch`. The same name and owner always mean the same sandbox. */
  readonly name?: string | undefined;
  /** Who owns the sandbox: your app, or one installation of it. Required to adopt a sandbox that exists under the same name. */
  readonly owner?: string | undefined;
  /** Repository to clone into `workDir`. Without it `workDir` starts empty. No credentials in the URL. */
  readonly repoUrl?: string | undefined;
  /** Branch to check out; created from the default branch when the remote does not have it. */
  readonly branchName?: string | undefined;
  /** Full commit hash (40 hexadecimal digits) at which the branch starts. */
  readonly commit?: string | undefined;
  /** Number of commits to clone. Default: the whole history. */
  readonly cloneDepth?: number | undefined;
  /** Also clones submodules, recursively. Default: false. */
  readonly submodules?: boolean | undefined;
  /** Used to clone the repository and the dotfiles, and found nowhere in the sandbox afterwards. */
  readonly gitCredentials?: GitCredentials | undefined;
  /**
   * Path in the sandbox that the repository is cloned to and that commands run in: absolute, or below the home directory of the
   * sandbox's user when it begins with `~/`. Default: `/workspace`.
   */
  readonly workDir?: string | undefined;
  /** Environment of every command. Stored by the provider with the sandbox, so nothing secret belongs here. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /**
   * Environment of every command and of the agent, which no provider stores: kept in the sandbox's memory, in none of its files
   * where it has a tmpfs. Names match `[A-Za-z_][A-Za-z0-9_]*`; values hold any character but NUL. Gone after a stop; `start` and
   * `reconnect` put back those of their own config.
   */
  readonly secrets?: Readonly<Record<string, string>> | undefined;
  /** URL of a git repository whose dotfiles are linked into the home directory. No credentials in the URL. */
  readonly dotfiles?: string | undefined;
  /** Program in the sandbox that the host app talks to; `setup` resolves when it answers. */
  readonly agent?: AgentConfig | undefined;
  /** Labels of the sandbox, beside our own, which begin with `sandbox-backend.`. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds for the whole of `setup`. Default: 600 000. */
  readonly setupTimeoutMs?: number | undefined;
  /** Milliseconds for the clean-up after a failed `setup`, which does not share its deadline. Default: 30 000. */
  readonly cleanupTimeoutMs?: number | undefined;
  readonly idle?: IdleConfig | undefined;
  /** Mounted when the sandbox is made. `setup` proves that they are, and neither `setup` nor `teardown` deletes one. */
  readonly volumes?: readonly VolumeConfig[] | undefined;
  /** Leaves the sandbox of a failed `setup` for inspection; the error names it. Default: false. */
  readonly keepOnFailure?: boolean | undefined;
}
