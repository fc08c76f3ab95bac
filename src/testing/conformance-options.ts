import type { Backend } from "../contract/backend.ts";
import type { BackendConfig, GitCredentials } from "../contract/config.ts";
import type { GitErrorKind } from "../contract/file-errors.ts";
import type { Snapshots } from "../contract/snapshot.ts";

/** What a test runner may pass to a case: a way to end it as skipped. vitest and node:test do. */
export interface CaseContext {
  readonly skip?: (reason: string) => unknown;
}

/** Registers one case with a test runner. Cases of one suite run one after the other, in this order. */
export type RegisterCase = (name: string, body: (context?: CaseContext) => Promise<void>) => void;

/** Repositories that the sandboxes can reach over HTTP. */
export interface GitFixture {
  readonly public: {
    readonly url: string;
    readonly defaultBranch: string;
    /** Another branch that the remote has, at another commit than the default branch. */
    readonly otherBranch: string;
    /** Full hash of a commit of the default branch that is not its newest. */
    readonly olderCommit: string;
  };
  /** The same history behind a password. Without it the cases about credentials are skipped by name. */
  readonly private?:
    | {
        readonly url: string;
        readonly credentials: Required<Pick<GitCredentials, "username" | "password">>;
      }
    | undefined;
  /** A repository that does not exist, and how its host says so: some ask for a password first. */
  readonly missing: { readonly url: string; readonly kind: GitErrorKind };
}

/** The way to snapshots beside a backend's own `createSnapshot`. */
export interface SnapshotFixture {
  /** As {@link ConformanceOptions.createBackend}, of a sandbox that begins from this snapshot. */
  readonly createBackend: (config: BackendConfig, snapshot: string) => Backend;
  /** Such as `snapshots` of the provider. */
  readonly service: Snapshots;
}

export interface ConformanceOptions {
  /** Which backend and server this is, such as `daytona (emulator, cloud)`. Begins the name of each case. */
  readonly name: string;
  readonly test: RegisterCase;
  /** Registers a case that cannot run here, with its reason. */
  readonly skip: (name: string, reason: string) => void;
  /**
   * Registers what runs after all cases, as vitest's `afterAll` does, so that a run of single cases leaves no sandbox either.
   * Without it the last case does the clean-up.
   */
  readonly afterAll?: ((body: () => Promise<void>) => void) | undefined;
  /** Makes a backend object with this config merged into your own. No I/O; each call gives an independent client. */
  readonly createBackend: (config: BackendConfig) => Backend;
  /**
   * IDs of the sandboxes that exist at the provider, counted without the library under test. In an account that others use
   * as well: only those of {@link owner}.
   */
  readonly listSandboxIds: () => Promise<readonly string[]>;
  /** How many requests the provider has received. Given, the suite proves that refused calls send none. */
  readonly countRequests?: (() => number | Promise<number>) | undefined;
  /** Without it every case that clones is skipped by name. */
  readonly git?: GitFixture | undefined;
  /** Without it the cases about snapshots are skipped by name, where there are any. */
  readonly snapshots?: SnapshotFixture | undefined;
  /** Owner of every sandbox that the suite makes. Default: a random one. */
  readonly owner?: string | undefined;
  /** Texts that no error may show, such as your API key. */
  readonly secrets?: readonly string[] | undefined;
  /**
   * Why the sandboxes of this run share the file system of this machine although the backend's own do not, such as those of an
   * emulator that was told to isolate nothing. Given, the cases that need a file system of the sandbox's own are skipped by
   * name, for this reason. Default: the sandboxes are what `capabilities.isolation` says.
   */
  readonly notIsolated?: string | undefined;
  /** Multiplies the time that the suite waits for something to happen; more than 1 for a provider far away. Default: 1. */
  readonly patience?: number | undefined;
  /** Adds the cases that move much data or take long: every exit code, 64 MiB files, commands of half a minute. Default: false. */
  readonly thorough?: boolean | undefined;
}
