import { randomUUID } from "node:crypto";
import type { Backend } from "../contract/backend.ts";
import type { BackendConfig } from "../contract/config.ts";
import type { ConformanceOptions } from "./conformance-options.ts";

/** The clients and sandboxes of one run of the suite: made for its cases, shared between them, and taken away again. */
export class ConformanceSandboxes {
  readonly options: ConformanceOptions;
  readonly owner: string;
  readonly #backends: Backend[] = [];
  /** Backends whose sandboxes several cases use. */
  readonly #kept: Backend[] = [];
  readonly #releases = new Set<Promise<void>>();
  readonly #failedReleases: unknown[] = [];
  /** IDs that the provider had before the first case. */
  #idsBefore: Promise<ReadonlySet<string>> | undefined;
  #shared: Promise<Backend> | undefined;
  #directories = 0;

  constructor(options: ConformanceOptions) {
    this.options = options;
    this.owner = options.owner ?? `conformance-${randomUUID()}`;
  }

  uniqueName(purpose: string): string {
    return `conformance/${purpose} ${randomUUID().slice(0, 8)}`;
  }

  /** A new client, with the suite's owner and a name of its own unless given. */
  newBackend(config: BackendConfig = {}): Backend {
    const backend = this.options.createBackend({
      owner: this.owner,
      name: this.uniqueName("case"),
      ...config,
    });
    this.#backends.push(backend);
    return backend;
  }

  /** The running sandbox that cases share which only add files of their own and run commands. */
  shared(): Promise<Backend> {
    this.#shared ??= this.#setUpShared();
    return this.#shared;
  }

  /** A client that knows a backend's sandbox by its ID alone, as another process would. Dispose of it. */
  async anotherClient(backend: Backend): Promise<Backend> {
    const other = this.newBackend({ owner: undefined, name: undefined });
    await other.reconnect(backend.sandboxId ?? "");
    return other;
  }

  /** An empty directory for one case in the shared sandbox. */
  async directory(): Promise<{ readonly backend: Backend; readonly path: string }> {
    const backend = await this.shared();
    this.#directories += 1;
    const path = `${backend.workDir}/case-${this.#directories}`;
    await backend.makeDirectory(path);
    return { backend, path };
  }

  /** A sandbox that several cases use and that {@link releaseKept} takes away. */
  async ownSandbox(purpose: string): Promise<Backend> {
    const backend = this.newBackend({ name: this.uniqueName(purpose) });
    await backend.setup();
    this.#kept.push(backend);
    return backend;
  }

  /** Runs `use` with a sandbox of its own, which is deleted afterwards. */
  async withSandbox(
    use: (backend: Backend) => Promise<void>,
    config: BackendConfig = {},
  ): Promise<void> {
    const backend = this.newBackend(config);
    try {
      await backend.setup();
      await use(backend);
    } finally {
      this.release(backend);
    }
  }

  /**
   * Deletes the sandbox of a backend, if it has one, and closes the backend, while the next cases run. A failure is reported
   * by the last case.
   */
  release(backend: Backend): void {
    const release = this.#release(backend)
      .catch((error: unknown) => {
        this.#failedReleases.push(error);
      })
      .finally(() => {
        this.#releases.delete(release);
      });
    this.#releases.add(release);
  }

  /** Waits until nothing goes on that a case has left for later. */
  async settleReleases(): Promise<void> {
    await Promise.all(this.#releases);
  }

  /** Deletes the sandboxes that several cases share, and rejects when a release has failed. */
  async releaseKept(): Promise<void> {
    if (this.#shared !== undefined) {
      // A setup that failed has failed its case already and left nothing to release.
      const shared = await this.#shared.catch(() => undefined);
      if (shared !== undefined) this.#kept.push(shared);
      this.#shared = undefined;
    }
    for (const backend of this.#kept.splice(0)) this.release(backend);
    await this.settleReleases();
    const failures = this.#failedReleases.splice(0);
    if (failures.length > 0) throw new AggregateError(failures, "Sandboxes could not be deleted");
  }

  /** Takes away what is left, also by cases that failed halfway, and closes every client. */
  async releaseAll(): Promise<void> {
    await this.releaseKept();
    const leftovers = new Set(await this.leftovers());
    for (const backend of this.#backends.splice(0)) {
      const sandboxId = backend.sandboxId;
      try {
        if (sandboxId !== undefined && leftovers.has(sandboxId)) await backend.teardown();
      } finally {
        await backend[Symbol.asyncDispose]();
      }
    }
  }

  /** IDs of sandboxes that this run made and that exist still. */
  async leftovers(): Promise<string[]> {
    const idsBefore = await this.rememberIdsBefore();
    const existing = await this.options.listSandboxIds();
    return existing.filter((id) => !idsBefore.has(id));
  }

  protected rememberIdsBefore(): Promise<ReadonlySet<string>> {
    this.#idsBefore ??= this.options.listSandboxIds().then((ids) => new Set(ids));
    return this.#idsBefore;
  }

  async #release(backend: Backend): Promise<void> {
    try {
      if (backend.sandboxId !== undefined) await backend.teardown();
    } finally {
      await backend[Symbol.asyncDispose]();
    }
  }

  async #setUpShared(): Promise<Backend> {
    const backend = this.newBackend({
      name: this.uniqueName("shared"),
      env: { CONFORMANCE_CONFIG: "from the config" },
    });
    try {
      await backend.setup();
      return backend;
    } catch (error) {
      // The next case tries again and reports for itself.
      this.#shared = undefined;
      throw error;
    }
  }
}
