import type { CallOptions } from "../../contract/call-options.ts";
import type { Lease, LeaseEnd } from "../../contract/lease.ts";
import { SandboxNotFoundError, SandboxStateError } from "../../contract/lifecycle-errors.ts";
import { AuthenticationError, PermissionError } from "../../contract/provider-errors.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import { checkCallOptions } from "../check-arguments.ts";
import { Deadline } from "../deadline.ts";
import { notRunning } from "../lifecycle/ensure-running.ts";
import { findById } from "../lifecycle/find-sandbox.ts";
import type { Guard } from "../processes/guard.ts";
import { retryIdempotent } from "../retry.ts";
import { createNonce } from "../sandbox-identity.ts";
import type { SandboxRecord, Transport, TransportCall } from "../transport.ts";
import { withLease, withoutLease } from "./lease-label.ts";

const longestTickMs = 60_000;
/** The mark of a host that died ends by itself after that time. */
const markLifeMs = 15 * 60_000;
const markRenewalMs = 5 * 60_000;
const tickTimeoutMs = 30_000;
const releaseTimeoutMs = 30_000;

export interface LeaseParts {
  readonly transport: Transport;
  readonly sandboxId: string;
  readonly maxMs: number;
  readonly onLost: ((error: SandboxError) => void) | undefined;
  readonly guard: Guard;
  readonly onEnd: (lease: SandboxLease) => void;
}

/** Tells the provider of activity at short intervals, and keeps a label at the sandbox by which other hosts see that it is held. */
export class SandboxLease implements Lease {
  readonly sandboxId: string;
  readonly expiresAt: Date;
  readonly ended: Promise<LeaseEnd>;
  readonly #parts: LeaseParts;
  readonly #id = createNonce().slice(0, 12);
  readonly #ending = new AbortController();
  readonly #resolveEnded: (end: LeaseEnd) => void;
  #ticker: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #tick: Promise<void> | undefined;
  #markedAtMs = 0;
  #removal: Promise<void> | undefined;

  private constructor(parts: LeaseParts) {
    this.#parts = parts;
    this.sandboxId = parts.sandboxId;
    this.expiresAt = new Date(Date.now() + parts.maxMs);
    const { promise, resolve } = withResolvers<LeaseEnd>();
    this.ended = promise;
    this.#resolveEnded = resolve;
  }

  /** Resolves when the provider has the first sign of it. */
  static async hold(parts: LeaseParts, call: TransportCall): Promise<SandboxLease> {
    const lease = new SandboxLease(parts);
    const record = await lease.#mark(call);
    await retryIdempotent(() => parts.transport.recordActivity(parts.sandboxId, call), call.signal);
    lease.#ticker = setInterval(() => lease.#onTick(), tickMs(record)).unref();
    lease.#expiry = setTimeout(
      () => lease.#end({ reason: "expired", error: undefined }),
      parts.maxMs,
    ).unref();
    return lease;
  }

  get isHeld(): boolean {
    return !this.#ending.signal.aborted;
  }

  async release(options?: CallOptions): Promise<void> {
    await this.#parts.guard("release", async () => {
      const { signal, timeoutMs } = checkCallOptions("release", options);
      this.#end({ reason: "released", error: undefined });
      using deadline = Deadline.start("release", timeoutMs ?? releaseTimeoutMs, signal);
      await this.#removeMark(deadline).catch((error: unknown) => {
        // What is gone has no mark.
        if (!(error instanceof SandboxNotFoundError)) throw error;
      });
    });
  }

  /** Ends it without a request: the sandbox is gone, or its mark is left to end by itself. */
  abandon(): void {
    this.#end({ reason: "released", error: undefined });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  #onTick(): void {
    // One that hangs is not joined by others.
    this.#tick ??= this.#keep().finally(() => {
      this.#tick = undefined;
    });
  }

  async #keep(): Promise<void> {
    const { transport, sandboxId, guard, onLost } = this.#parts;
    using bound = Deadline.start("keepAlive", tickTimeoutMs, this.#ending.signal);
    const call = { signal: bound.signal };
    try {
      await guard("keepAlive", async () => {
        await transport.recordActivity(sandboxId, call);
        if (Date.now() - this.#markedAtMs >= markRenewalMs) await this.#mark(call);
      });
    } catch (error) {
      if (this.#ending.signal.aborted || !SandboxError.is(error) || !isFinal(error)) return;
      this.#end({ reason: "lost", error });
      onLost?.(error);
    }
  }

  async #mark(call: TransportCall): Promise<SandboxRecord> {
    const until = new Date(Math.min(Date.now() + markLifeMs, this.expiresAt.getTime()));
    const record = await this.#change(call, (labels) => withLease(labels, this.#id, until));
    this.#markedAtMs = Date.now();
    return record;
  }

  #removeMark(call: TransportCall): Promise<void> {
    // A mark that is being written must not be left behind.
    this.#removal ??= Promise.resolve(this.#tick)
      .then(() => this.#change(call, (labels) => withoutLease(labels, this.#id), false))
      .then(() => undefined)
      .catch((error: unknown) => {
        this.#removal = undefined;
        throw error;
      });
    return this.#removal;
  }

  async #change(
    call: TransportCall,
    change: (labels: SandboxRecord["labels"]) => Record<string, string>,
    mustRun = true,
  ): Promise<SandboxRecord> {
    const { transport, sandboxId } = this.#parts;
    const record = await findById(transport, sandboxId, call);
    const doesNotRun = ["stopped", "archived", "error", "deleted"].includes(record.state);
    if (mustRun && doesNotRun && !record.becomingRunning) throw notRunning(record, "keepAlive");
    await retryIdempotent(
      () => transport.replaceLabels(sandboxId, change(record.labels), call),
      call.signal,
    );
    return record;
  }

  #end(end: LeaseEnd): void {
    if (this.#ending.signal.aborted) return;
    clearInterval(this.#ticker);
    clearTimeout(this.#expiry);
    this.#ending.abort();
    this.#parts.onEnd(this);
    this.#resolveEnded(end);
  }
}

/** Often enough that two signs in a row may be lost before the sandbox would be stopped. */
function tickMs({ autoStopMinutes }: SandboxRecord): number {
  if (autoStopMinutes === undefined || autoStopMinutes === 0) return longestTickMs;
  return Math.min(longestTickMs, (autoStopMinutes * 60_000) / 3);
}

/** What no later sign can repair. Everything else may pass, and the next tick tries again. */
function isFinal(error: SandboxError): boolean {
  return (
    error instanceof SandboxNotFoundError ||
    error instanceof AuthenticationError ||
    error instanceof PermissionError ||
    (error instanceof SandboxStateError && !error.retryable)
  );
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function withResolvers<Value>(): {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
} {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((given) => {
    resolve = given;
  });
  return { promise, resolve };
}
