import type { CallOptions } from "../../contract/call-options.ts";
import { AbortError } from "../../contract/lifecycle-errors.ts";
import type {
  ProcessExit,
  ProcessOutput,
  ProcessOutputOptions,
  ProcessSignal,
  ReadOutputOptions,
  SandboxProcess,
  WaitOptions,
} from "../../contract/process.ts";
import { type CommandContext, mostGenerations } from "../commands/command-context.ts";
import { ProcessInput } from "../commands/process-input.ts";
import { untilAborted } from "../delay.ts";
import { type BoundedCall, boundedCalls, waitTimeoutMs } from "./bounded-call.ts";
import {
  checkInputData,
  checkReadOutput,
  checkSignal,
  checkStartOffset,
} from "./check-process-arguments.ts";
import { endProcess } from "./end-process.ts";
import type { Guard } from "./guard.ts";
import { OutputStream } from "./output-stream.ts";
import type { ProcessObserver, StreamName } from "./process-observer.ts";

const readBytes = 1024 * 1024;

/** A process that this client has spawned or attached to. */
export class FollowedProcess implements SandboxProcess {
  readonly id: string;
  readonly #context: CommandContext;
  readonly #observer: ProcessObserver;
  readonly #guard: Guard;
  readonly #call: BoundedCall;
  readonly #input: ProcessInput;
  readonly #streams: Readonly<Record<StreamName, OutputStream>>;
  readonly #pumps: Promise<void>;

  constructor(options: {
    readonly id: string;
    readonly context: CommandContext;
    readonly observer: ProcessObserver;
    readonly guard: Guard;
    readonly stdoutOffset: number;
    readonly stderrOffset: number;
    readonly output: ProcessOutputOptions;
  }) {
    const { id, context, observer, guard } = options;
    this.id = id;
    this.#context = context;
    this.#observer = observer;
    this.#guard = guard;
    this.#call = boundedCalls(guard, observer);
    this.#input = new ProcessInput(context, observer.record);
    const open = (stream: StreamName, offset: number): OutputStream =>
      new OutputStream(observer, { stream, offset, guard });
    this.#streams = {
      stdout: open("stdout", options.stdoutOffset),
      stderr: open("stderr", options.stderrOffset),
    };
    const { onStdout, onStderr } = options.output;
    this.#pumps = Promise.all([
      pump(this.#streams.stdout, onStdout),
      pump(this.#streams.stderr, onStderr),
    ]).then(() => undefined);
    // Reported by `wait`; nobody need wait.
    this.#pumps.catch(() => undefined);
  }

  get stdout(): ReadableStream<Uint8Array> {
    return this.#streams.stdout.readable;
  }

  get stderr(): ReadableStream<Uint8Array> {
    return this.#streams.stderr.readable;
  }

  get stdoutOffset(): number {
    return this.#streams.stdout.offset;
  }

  get stderrOffset(): number {
    return this.#streams.stderr.offset;
  }

  async write(data: string | Uint8Array, options?: CallOptions): Promise<void> {
    await this.#call("process.write", options, (signal) => {
      return this.#input.write(checkInputData(data), signal);
    });
  }

  async closeInput(options?: CallOptions): Promise<void> {
    await this.#call("process.closeInput", options, (signal) => this.#input.close(signal));
  }

  async kill(signal?: ProcessSignal, options?: CallOptions): Promise<boolean> {
    return this.#call("process.kill", options, async (callSignal) => {
      const checked = checkSignal(signal);
      if (checked === undefined) return endProcess(this.#observer, callSignal);
      const { requests, questions } = this.#context;
      // Not repeated after a lost answer: a second SIGINT may mean something else than the first.
      const { reached } = await requests.ask(
        questions.signal(this.#observer.record, checked),
        callSignal,
      );
      return reached;
    });
  }

  async wait(options?: WaitOptions): Promise<ProcessExit> {
    return this.#call(
      "process.wait",
      options,
      async (signal) => {
        await untilAborted(this.#pumps, signal);
        return this.#observer.ended(signal);
      },
      waitTimeoutMs,
    );
  }

  async output(offset = 0, options?: ReadOutputOptions): Promise<ProcessOutput> {
    return this.#guard("process.output", async () => {
      const start = checkStartOffset(offset);
      const { stream = "stdout", maxBytes = readBytes, ...call } = checkReadOutput(options);
      return this.#call("process.output", call, async (signal) => {
        const { requests, questions } = this.#context;
        const question = questions.lookUp(this.id, mostGenerations);
        const settled = await requests.askUntilAnswered(question, signal);
        if (settled === "no-folder" || settled.report.state === "none") {
          throw this.#observer.failures.unknown("record-missing");
        }
        this.#observer.accept(settled);
        const sizeBytes = this.#observer.sizeOf(stream);
        const end = Math.min(sizeBytes, start + maxBytes);
        const bytes = await this.#observer.read(stream, start, end, signal);
        return { bytes, nextOffset: start + bytes.length, sizeBytes };
      });
    });
  }

  detach(): void {
    this.#observer.detach(
      new AbortError("The process was detached from. It goes on in the sandbox.", {
        operation: "process.detach",
        sandboxId: this.#context.sandboxId,
      }),
    );
  }
}

/** Reads a stream to its end for a callback. */
async function pump(
  { readable }: OutputStream,
  onChunk: ((chunk: Uint8Array) => void) | undefined,
): Promise<void> {
  if (onChunk === undefined) return;
  for await (const chunk of readable) onChunk(chunk);
}
