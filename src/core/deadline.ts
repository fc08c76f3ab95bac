import { setMaxListeners } from "node:events";
import { AbortError, TimeoutError } from "../contract/lifecycle-errors.ts";
import type { SandboxError } from "../contract/sandbox-error.ts";

/**
 * One bound for everything that a call does: its `timeoutMs` and the caller's signal, whichever comes first.
 *
 * `using deadline = Deadline.start(…)` releases the timer; an expired deadline aborts `signal` with the error to throw.
 */
export class Deadline implements Disposable {
  readonly timeoutMs: number;
  readonly operation: string;
  readonly #startedAtMs = performance.now();
  readonly #controller = new AbortController();
  readonly #callerSignal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #onCallerAbort = (): void => this.#controller.abort(this.#abortError());

  private constructor(operation: string, timeoutMs: number, callerSignal: AbortSignal | undefined) {
    this.operation = operation;
    this.timeoutMs = timeoutMs;
    this.#callerSignal = callerSignal;
    // One call may do any number of things side by side, which is no leak that Node has to warn of.
    setMaxListeners(0, this.#controller.signal);
    this.#timer = setTimeout(() => this.#controller.abort(this.#timeoutError()), timeoutMs);
    if (callerSignal?.aborted) this.#onCallerAbort();
    else callerSignal?.addEventListener("abort", this.#onCallerAbort, { once: true });
  }

  static start(operation: string, timeoutMs: number, callerSignal?: AbortSignal): Deadline {
    return new Deadline(operation, timeoutMs, callerSignal);
  }

  /** Aborted with a {@link TimeoutError} or {@link AbortError} as its reason. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedAtMs;
  }

  get remainingMs(): number {
    return Math.max(0, this.timeoutMs - this.elapsedMs);
  }

  get ended(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Why the deadline ended: first reason wins. */
  get reason(): SandboxError | undefined {
    return this.ended ? (this.#controller.signal.reason as SandboxError) : undefined;
  }

  throwIfEnded(): void {
    if (this.reason !== undefined) throw this.reason;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#callerSignal?.removeEventListener("abort", this.#onCallerAbort);
  }

  #timeoutError(): TimeoutError {
    return new TimeoutError(`${this.operation} took longer than ${this.timeoutMs} ms.`, {
      operation: this.operation,
      timeoutMs: this.timeoutMs,
      retryable: true,
    });
  }

  #abortError(): AbortError {
    return new AbortError(`${this.operation} was aborted by its signal.`, {
      operation: this.operation,
      cause: this.#callerSignal?.reason,
    });
  }
}
