import assert from "node:assert/strict";
import type { Capabilities } from "../contract/capabilities.ts";
import { SandboxError } from "../contract/sandbox-error.ts";
import type { CaseContext, ConformanceOptions } from "./conformance-options.ts";
import { ConformanceSandboxes } from "./conformance-sandboxes.ts";
import {
  assertErrorCode,
  assertShowsNoSecret,
  type ErrorByCode,
  rejectionOf,
} from "./expected-errors.ts";
import { eventually } from "./polling.ts";

/** Ends a case that turns out not to be possible in this sandbox. */
class CaseSkipped extends Error {}

/** One run of the suite against one backend: what is registered with the runner, and the checks that all areas share. */
export class Conformance extends ConformanceSandboxes {
  readonly capabilities: Capabilities;
  /** What no error may show. */
  readonly secrets: readonly string[];
  cases = 0;
  skipped = 0;

  constructor(options: ConformanceOptions) {
    super(options);
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
      await this.rememberIdsBefore();
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

  /** Why a case that needs a file system of the sandbox's own cannot run; undefined when it can. */
  get withoutOwnFileSystem(): string | undefined {
    return this.withoutWorkDirChoice ?? this.options.notIsolated;
  }

  /** Time to wait for something that takes at most `limitMs` near the provider. */
  patient(limitMs: number): number {
    return limitMs * (this.options.patience ?? 1);
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
    await this.settleReleases();
    const before = await this.options.countRequests?.();
    const value = await call();
    assert.equal(await this.options.countRequests?.(), before, "requests of a refused call");
    return value;
  }

  /** Fails when there are more sandboxes after `call` than before, once what it released is gone. */
  async leavesNothing<Value>(call: () => Promise<Value>): Promise<Value> {
    const before = await this.options.listSandboxIds();
    const value = await call();
    await this.settleReleases();
    await eventually("No sandbox more than before", this.patient(10_000), async () => {
      const after = await this.options.listSandboxIds();
      return after.every((id) => before.includes(id));
    });
    return value;
  }
}
