import * as z from "zod/mini";
import type { CallOptions } from "../contract/call-options.ts";
import type { Lease, LeaseOptions } from "../contract/lease.ts";
import type { SandboxError } from "../contract/sandbox-error.ts";
import { BackendLifecycle } from "./backend-lifecycle.ts";
import { callShape, checkOptions, functionSchema } from "./check-arguments.ts";
import { lazily } from "./config/lazily.ts";
import { SandboxLease } from "./lease/sandbox-lease.ts";

const keepAliveTimeoutMs = 60_000;
const longestLeaseMs = 28_800_000;
/** Disposal tidies up as far as it can be done quickly; a mark that stays ends by itself. */
const disposeTimeoutMs = 5_000;

const leaseSchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    maxMs: z.optional(z.int().check(z.minimum(1), z.maximum(2_147_483_647))),
    onLost: functionSchema<(error: SandboxError) => void>(),
  }),
);

/** The part of a backend that holds its sandbox: leases end with it. */
export abstract class BackendLeases extends BackendLifecycle {
  readonly #leases = new Set<SandboxLease>();

  async keepAlive(options?: LeaseOptions): Promise<Lease> {
    return this.guard("keepAlive", async () => {
      const { maxMs, onLost, ...call } = checkOptions("keepAlive", leaseSchema, options);
      return this.bounded("keepAlive", call, keepAliveTimeoutMs, async (deadline) => {
        const { sandboxId } = this.attachment("keepAlive");
        const parts = {
          transport: this.transport,
          sandboxId,
          maxMs: maxMs ?? longestLeaseMs,
          onLost,
          guard: <Value>(operation: string, run: () => Promise<Value>) =>
            this.guard(operation, run),
          onEnd: (lease: SandboxLease) => this.#leases.delete(lease),
        };
        const lease = await SandboxLease.hold(parts, deadline);
        this.#leases.add(lease);
        return lease;
      });
    });
  }

  override async teardown(options?: CallOptions): Promise<void> {
    await super.teardown(options);
    for (const lease of [...this.#leases]) lease.abandon();
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    const releases = [...this.#leases].map((lease) =>
      lease.release({ timeoutMs: disposeTimeoutMs }),
    );
    await Promise.allSettled(releases);
    await super[Symbol.asyncDispose]();
  }
}
