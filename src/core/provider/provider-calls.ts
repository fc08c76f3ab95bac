import type { CallOptions } from "../../contract/call-options.ts";
import { annotateError } from "../annotate-error.ts";
import { Deadline } from "../deadline.ts";
import type { Redactor } from "../redact.ts";

/** How every method of a provider behaves: bounded, under the caller's signal, and with errors that say what was called. */
export class ProviderCalls {
  readonly #redactor: Redactor;

  constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  /** @param options Checked already. */
  bounded<Value>(
    operation: string,
    options: CallOptions,
    defaultTimeoutMs: number,
    run: (deadline: Deadline) => Promise<Value>,
  ): Promise<Value> {
    return this.guard(operation, async () => {
      const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
      using deadline = Deadline.start(operation, timeoutMs, options.signal);
      deadline.throwIfEnded();
      return await run(deadline);
    });
  }

  async guard<Value>(operation: string, run: () => Promise<Value>): Promise<Value> {
    try {
      return await run();
    } catch (error) {
      throw annotateError(error, operation, undefined, this.#redactor);
    }
  }
}
