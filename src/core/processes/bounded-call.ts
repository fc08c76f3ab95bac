import type { CallOptions } from "../../contract/call-options.ts";
import { checkCallOptions } from "../check-arguments.ts";
import { Deadline } from "../deadline.ts";
import type { Guard } from "./guard.ts";
import type { ProcessObserver } from "./process-observer.ts";

/** Milliseconds that a method of a process or a terminal may take unless told otherwise. */
const callTimeoutMs = 60_000;

/** The longest wait for an end that nobody has limited: a day. */
export const waitTimeoutMs = 86_400_000;

/** Runs a method of a process that has not been detached from, under the caller's options. */
export type BoundedCall = <Value>(
  operation: string,
  options: CallOptions | undefined,
  run: (signal: AbortSignal) => Promise<Value>,
  defaultTimeoutMs?: number,
) => Promise<Value>;

export function boundedCalls(guard: Guard, observer: ProcessObserver): BoundedCall {
  return (operation, options, run, defaultTimeoutMs = callTimeoutMs) =>
    guard(operation, async () => {
      const { signal, timeoutMs } = checkCallOptions(operation, options);
      using deadline = Deadline.start(operation, timeoutMs ?? defaultTimeoutMs, signal);
      deadline.throwIfEnded();
      observer.detached.throwIfAborted();
      return await run(deadline.signal);
    });
}
