import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Backend } from "../contract/backend.ts";
import type { Capabilities } from "../contract/capabilities.ts";
import type { BackendConfig } from "../contract/config.ts";
import { SandboxError } from "../contract/sandbox-error.ts";
import type { CaseContext, ConformanceOptions } from "./conformance-options.ts";
import {
  assertErrorCode,
  assertShowsNoSecret,
  type ErrorByCode,
  rejectionOf,
} from "./expected-errors.ts";
import { eventually } from "./polling.ts";

/** Ends a case that turns out not to be possible in this sandbox. */
class CaseSkipped extends Error {}

/** One run of the suite against one backend: what it registered, made, and has to take away again. */
export class Conformance {
  readonly options: ConformanceOptions;
  readonly owner: string;
  readonly capabilities: Capabilities;
  /** What no error may show. */
  readonly secrets: readonly string[];
  cases = 0;
  skipped = 0;
  readonly #backends: Backend[] = [];
  /** Backends whose sandboxes several cases use. */
  readonly #kept: Backend[] = [];
  /** IDs that the provider had before the first case. */
  #idsBefore: Promise<ReadonlySet<string>> | undefined;
  #shared: Promise<Backend> | undefined;
  #directories = 0;

  constructor(options: ConformanceOptions) {
    this.options = options;
    this.owner = options.owner ?? `conformance-${randomUUID()}`;
    const password = options.git?.private?.credentials.password;
    this.secrets = [...(options.secrets ?? []), ...(password === undefined ? [] : [password])];
    this.capabilities = this.newBackend().capabilities;
  }

  /** Registers a case. `area` is the file that holds it; `impossible` says why it cannot run with this backend. */
  add(
    area: string,
    name: string,
    body: (skip: (reason: string) => never) => Promise<void>,
    impossible?: string | undefined,
  ): void {
    const fullName = `${this.options.name}: ${area}: ${name}`;
    if (impossible !== undefined) {
      this.options.skip(fullName, impossible);
      this.skipped += 1;
      return;
    }
    this.cases += 1;
    this.options.test(fullName, async (context?: CaseContext) => {
      await this.#rememberIdsBefore();
      try {
        await body((reason) => {
          throw new CaseSkipped(reason);
        });
      } catch (error) {
        if (!(error instanceof CaseSkipped)) throw error;
        if (context?.skip === undefined) this.options.skip(fullName, error.message);
        else context.skip(error.message);
      }
    });
  }

  /** Why a case with a working directory of its own cannot run; undefined when it can. */
  get withoutWorkDirChoice(): string | undefined {
    return this.capabilities.isolation === "none"
      ? "without isolation the working directory is the backend's choice"
      : undefined;
  }

  /** Time to wait for something that takes at most `limitMs` near the provider. */
  patient(limitMs: number): number {
    return limitMs * (this.options.patience ?? 1);
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

  /** Runs `use` with a sandbox of its own and deletes that afterwards. */
  async withSandbox(
    use: (backend: Backend) => Promise<void>,
    config: BackendConfig = {},
  ): Promise<void> {
    const backend = this.newBackend(config);
    try {
      await backend.setup();
      await use(backend);
    } catch (error) {
      // What failed first is what the case reports; a sandbox that stays shows in the count at the end.
      await Promise.allSettled([this.release(backend)]);
      throw error;
    }
    await this.release(backend);
  }

  /** Deletes the sandbox of a backend, if it has one, and closes the backend. */
  async release(backend: Backend): Promise<void> {
    try {
      if (backend.sandboxId !== undefined) await backend.teardown();
    } finally {
      await backend[Symbol.asyncDispose]();
    }
  }

  /** The error that `promise` rejects with, after the checks that hold for every error. */
  async rejects<Code extends keyof ErrorByCode>(
    promise: Promise<unknown>,
    code: Code,
    expected: { readonly operation: string; readonly sandboxId?: string | undefined },
  ): Promise<ErrorByCode[Code]> {
    const error = await rejectionOf(promise);
    assertErrorCode(error, code);
    assert.ok(SandboxError.is(error) && error instanceof Error);
    assert.equal(error.operation, expected.operation, "operation of the error");
    if (expected.sandboxId !== undefined) assert.equal(error.sandboxId, expected.sandboxId);
    assert.notEqual(error.message, "");
    assertShowsNoSecret(error, this.secrets);
    return error;
  }

  /** Fails when `call` made the provider receive a request; without a counter there is nothing to prove. */
  async sendsNoRequest<Value>(call: () => Promise<Value>): Promise<Value> {
    const before = await this.options.countRequests?.();
    const value = await call();
    assert.equal(await this.options.countRequests?.(), before, "requests of a refused call");
    return value;
  }

  /** Fails when there are more sandboxes after `call` than before, once the provider had time to list them. */
  async leavesNothing<Value>(call: () => Promise<Value>): Promise<Value> {
    const before = await this.options.listSandboxIds();
    const value = await call();
    await eventually("No sandbox more than before", this.patient(10_000), async () => {
      const after = await this.options.listSandboxIds();
      return after.every((id) => before.includes(id));
    });
    return value;
  }

  /** IDs of sandboxes that this run made and that exist still. */
  async leftovers(): Promise<string[]> {
    const idsBefore = await this.#rememberIdsBefore();
    const existing = await this.options.listSandboxIds();
    return existing.filter((id) => !idsBefore.has(id));
  }

  /** Deletes the sandboxes that several cases share. */
  async releaseKept(): Promise<void> {
    const kept = this.#kept.splice(0);
    if (this.#shared !== undefined) {
      // A setup that failed has failed its case already and left nothing to release.
      const shared = await this.#shared.catch(() => undefined);
      if (shared !== undefined) kept.push(shared);
      this.#shared = undefined;
    }
    for (const backend of kept) await this.release(backend);
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

  #rememberIdsBefore(): Promise<ReadonlySet<string>> {
    this.#idsBefore ??= this.options.listSandboxIds().then((ids) => new Set(ids));
    return this.#idsBefore;
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
