import { TimeoutError } from "../../contract/lifecycle-errors.ts";
import { ConnectionError, ProtocolError } from "../../contract/provider-errors.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import { Deadline } from "../deadline.ts";
import { delay, untilAborted } from "../delay.ts";
import { waitBeforeRetryMs } from "../retry.ts";
import { NotSentError, type SandboxChannel } from "../transport.ts";
import { createTag, parseAnswer, type ScriptAnswer } from "./answer.ts";

/** Whether a request failed in a way that says nothing about what happened in the sandbox. */
export function isAmbiguous(error: unknown): boolean {
  return (
    SandboxError.is(error) &&
    (error.code === "CONNECTION_FAILED" || error.code === "TIMEOUT" || error.code === "PROTOCOL")
  );
}

/**
 * Whether the request may have begun in a sandbox that was found stopped or gone after its connection had broken off. One that is
 * refused because the sandbox does not run has an answer that says so.
 */
export function brokeOff(error: unknown): boolean {
  const { cause } = (error ?? {}) as { readonly cause?: unknown };
  if (!SandboxError.is(cause) || cause instanceof NotSentError) return false;
  return cause.code === "CONNECTION_FAILED" || cause.code === "TIMEOUT";
}

/** Whether the same idempotent request may succeed later. */
function mayPass(error: unknown): boolean {
  return isAmbiguous(error) || (SandboxError.is(error) && error.code === "RATE_LIMITED");
}

/** A script, and what its answer means. */
export interface Question<Value> {
  readonly script: (tag: string) => string;
  /** Undefined when the answer makes no sense. */
  readonly read: (answer: ScriptAnswer, tag: string) => Value | undefined;
}

/** Requests to one sandbox, each bounded by a time of its own, so that a half-open connection is given up and tried again. */
export class SandboxRequests {
  readonly #channel: SandboxChannel;
  readonly #requestTimeoutMs: number;
  readonly #onFailure: (failures: number, error: unknown, signal: AbortSignal) => Promise<void>;

  /** @param onFailure - Called before each repetition with the number of failures in a row; what it throws ends the call. */
  constructor(
    channel: SandboxChannel,
    requestTimeoutMs: number,
    onFailure: (failures: number, error: unknown, signal: AbortSignal) => Promise<void>,
  ) {
    this.#channel = channel;
    this.#requestTimeoutMs = requestTimeoutMs;
    this.#onFailure = onFailure;
  }

  /** Sends a script once. Rejects with a `ProtocolError` when `read` makes nothing of the answer. */
  async ask<Value>(question: Question<Value>, signal: AbortSignal): Promise<Value> {
    const tag = createTag();
    const text = await this.#bounded(signal, (call) =>
      this.#channel.runScript(question.script(tag), call),
    );
    const answer = parseAnswer(text, tag);
    const value = answer === undefined ? undefined : question.read(answer, tag);
    if (value === undefined) {
      throw new ProtocolError("The sandbox did not answer to the end.", {
        operation: "exec",
        retryable: true,
      });
    }
    return value;
  }

  /** Sends an idempotent script until its answer comes or `signal` ends it. */
  askUntilAnswered<Value>(question: Question<Value>, signal: AbortSignal): Promise<Value> {
    return this.#untilAnswered(signal, () => this.ask(question, signal));
  }

  uploadUntilDone(path: string, content: Uint8Array, signal: AbortSignal): Promise<void> {
    return this.#untilAnswered(signal, () =>
      this.#bounded(signal, (call) => this.#channel.upload([{ path, content }], call)),
    );
  }

  /**
   * Reads a range of a file, less where the file has become shorter. A connection that breaks is taken up again where it broke.
   */
  async readRange(
    path: string,
    start: number,
    end: number,
    signal: AbortSignal,
    onChunk: (chunk: Uint8Array) => void,
  ): Promise<void> {
    let position = start;
    let last = end;
    while (position < last) {
      let partEnd = Math.min(last, position + largestReadBytes);
      await this.#untilAnswered(signal, async () => {
        await this.#bounded(signal, async (call) => {
          const range = { start: position, end: partEnd };
          const { sizeBytes, stream } = await this.#channel.read(path, range, call);
          if (sizeBytes < last) {
            last = sizeBytes;
            partEnd = Math.min(partEnd, sizeBytes);
          }
          for await (const chunk of chunksOf(stream)) {
            call.signal.throwIfAborted();
            // More than was asked for would be counted twice.
            const wanted = chunk.subarray(0, partEnd - position);
            position += wanted.length;
            if (wanted.length > 0) onChunk(wanted);
          }
        });
        if (position < partEnd) {
          throw new ProtocolError(`The sandbox sent fewer bytes of ${path} than it has.`, {
            operation: "exec",
            retryable: true,
          });
        }
      });
    }
  }

  async #untilAnswered<Value>(signal: AbortSignal, call: () => Promise<Value>): Promise<Value> {
    for (let failures = 1; ; failures++) {
      try {
        return await call();
      } catch (error) {
        signal.throwIfAborted();
        if (!mayPass(error)) throw error;
        await this.#onFailure(failures, error, signal);
        await delay(waitBeforeRetryMs(error, failures - 1), signal);
      }
    }
  }

  async #bounded<Value>(
    signal: AbortSignal,
    call: (call: { readonly signal: AbortSignal }) => Promise<Value>,
  ): Promise<Value> {
    signal.throwIfAborted();
    using deadline = Deadline.start("exec", this.#requestTimeoutMs, signal);
    try {
      // The race, because a transport may not notice that its connection is half-open.
      return await untilAborted(call({ signal: deadline.signal }), deadline.signal);
    } catch (error) {
      signal.throwIfAborted();
      if (deadline.ended) {
        throw new TimeoutError("The sandbox did not answer in time.", {
          operation: "exec",
          timeoutMs: this.#requestTimeoutMs,
          retryable: true,
          cause: error,
        });
      }
      throw error;
    }
  }
}

/** Small enough for one request's time on a slow line. */
const largestReadBytes = 8 * 1024 * 1024;

/**
 * A body that breaks off fails with an error of whoever carries it. Only that is translated: what the reader of the chunks throws
 * passes as it is.
 */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    if (SandboxError.is(error)) throw error;
    throw new ConnectionError("The connection broke off while the sandbox sent a file.", {
      operation: "exec",
      retryable: true,
      cause: error,
    });
  }
}
