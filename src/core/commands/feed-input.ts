import { SandboxStateError } from "../../contract/lifecycle-errors.ts";
import { untilAborted } from "../delay.ts";
import { CallbackFailure } from "./output-collector.ts";
import type { ProcessInput } from "./process-input.ts";

/** Bytes that are read ahead while a piece is on its way. */
const mostAheadBytes = 1024 * 1024;

/**
 * Writes a caller's stream to a process until one of them ends. What the stream throws rejects as a {@link CallbackFailure}; a
 * process that ends or closes its input before is no failure.
 */
export async function feedInput(
  input: ProcessInput,
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  let isOver = false;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let wake = (): void => undefined;
  const changed = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });

  const readAhead = async (): Promise<void> => {
    for (;;) {
      const next = await untilAborted(nextOf(iterator), signal);
      if (next.done === true) {
        isOver = true;
        wake();
        return;
      }
      // A copy, since the caller may use its buffer again; `slice` of a Buffer is none.
      waiting.push(Uint8Array.from(next.value));
      waitingBytes += next.value.length;
      wake();
      while (waitingBytes >= mostAheadBytes) await untilAborted(changed(), signal);
    }
  };

  const writeOut = async (): Promise<void> => {
    for (;;) {
      while (waiting.length === 0 && !isOver) await untilAborted(changed(), signal);
      if (waiting.length === 0) break;
      const bytes = Buffer.concat(waiting);
      waiting = [];
      waitingBytes = 0;
      wake();
      await input.write(bytes, signal);
    }
    await input.close(signal);
  };

  try {
    await Promise.all([readAhead(), writeOut()]);
  } catch (error) {
    if (!(error instanceof SandboxStateError)) throw error;
  } finally {
    // A source that is stuck in its own `next` would keep a return waiting as well.
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

async function nextOf(iterator: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
  try {
    const next = await iterator.next();
    if (next.done === true || next.value instanceof Uint8Array) return next;
    throw new TypeError("A stream for standard input must consist of bytes (Uint8Array).");
  } catch (error) {
    throw new CallbackFailure(error);
  }
}
