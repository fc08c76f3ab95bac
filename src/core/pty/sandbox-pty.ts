import type { Duplex } from "node:stream";
import type { CallOptions } from "../../contract/call-options.ts";
import { AbortError, SandboxStateError } from "../../contract/lifecycle-errors.ts";
import type { WaitOptions } from "../../contract/process.ts";
import type { Pty, PtyExit } from "../../contract/pty.ts";
import type { CommandContext } from "../commands/command-context.ts";
import { ProcessInput } from "../commands/process-input.ts";
import { untilAborted } from "../delay.ts";
import { type BoundedCall, boundedCalls, waitTimeoutMs } from "../processes/bounded-call.ts";
import { checkInputData } from "../processes/check-process-arguments.ts";
import { endProcess } from "../processes/end-process.ts";
import type { Guard } from "../processes/guard.ts";
import type { ProcessObserver } from "../processes/process-observer.ts";
import type { SandboxChannel } from "../transport.ts";
import { Turns } from "../turns.ts";
import { checkSize } from "./check-pty-arguments.ts";
import { ptyDuplex } from "./pty-duplex.ts";
import { PtyOutput } from "./pty-output.ts";
import { resizePty, type TerminalSize } from "./pty-scripts.ts";

interface WaitingResize {
  readonly size: TerminalSize;
  readonly done: Promise<void>;
}

/** A terminal that this client has made or attached to. */
export class SandboxPty implements Pty {
  readonly id: string;
  readonly #context: CommandContext;
  readonly #observer: ProcessObserver;
  readonly #call: BoundedCall;
  readonly #input: ProcessInput;
  readonly #output: PtyOutput;
  readonly #idleMs: number;
  /** What is typed first arrives first, whichever way it takes. */
  readonly #writes = new Turns();
  #usedAtMs = performance.now();
  #resizing: Promise<void> | undefined;
  #nextResize: WaitingResize | undefined;

  constructor(options: {
    readonly id: string;
    readonly context: CommandContext;
    readonly channel: SandboxChannel;
    readonly observer: ProcessObserver;
    readonly guard: Guard;
    readonly recordPath: string;
    readonly replayFrom: number;
    /** Milliseconds without input and output after which nothing is asked any more until the terminal is used. */
    readonly idleMs: number;
  }) {
    const { context, observer, guard } = options;
    this.id = options.id;
    this.#context = context;
    this.#observer = observer;
    this.#call = boundedCalls(guard, observer);
    this.#idleMs = options.idleMs;
    // What goes through files must have arrived before anything may go the quicker way.
    this.#input = new ProcessInput(context, observer.record, { untilFed: true });
    this.#output = new PtyOutput({
      observer,
      channel: options.channel,
      recordPath: options.recordPath,
      offset: options.replayFrom,
      guard,
      untilIdleMs: () => this.#untilIdleMs,
      onOutput: () => this.#use(),
    });
  }

  get output(): ReadableStream<Uint8Array> {
    return this.#output.readable;
  }

  get offset(): number {
    return this.#output.offset;
  }

  text(): ReadableStream<string> {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    const decode = new TransformStream<Uint8Array, string>({
      transform(chunk, controller) {
        const text = decoder.decode(chunk, { stream: true });
        if (text !== "") controller.enqueue(text);
      },
      flush(controller) {
        const text = decoder.decode();
        if (text !== "") controller.enqueue(text);
      },
    });
    return this.output.pipeThrough(decode);
  }

  async write(data: string | Uint8Array, options?: CallOptions): Promise<void> {
    await this.#call("pty.write", options, async (signal) => {
      const bytes = checkInputData(data);
      if (bytes.length === 0) return;
      this.#use();
      await this.#writes.take(signal, () => this.#send(bytes, signal));
    });
  }

  async resize(rows: number, cols: number, options?: CallOptions): Promise<void> {
    await this.#call("pty.resize", options, async (signal) => {
      const size = checkSize(rows, cols);
      this.#use();
      await untilAborted(this.#resizeInTurn(size), signal);
    });
  }

  async wait(options?: WaitOptions): Promise<PtyExit> {
    return this.#call(
      "pty.wait",
      options,
      async (signal) => {
        const exit = await this.#observer.ended(signal);
        return { exitCode: exit.exitCode, signal: exit.signal };
      },
      waitTimeoutMs,
    );
  }

  async kill(options?: CallOptions): Promise<boolean> {
    return this.#call("pty.kill", options, async (signal) => {
      this.#use();
      try {
        return await endProcess(this.#observer, signal);
      } finally {
        // It may take longer than the time after which nobody looks any more, and somebody is to see the end.
        this.#use();
      }
    });
  }

  detach(): void {
    this.#observer.detach(
      new AbortError("The terminal was detached from. It goes on in the sandbox.", {
        operation: "pty.detach",
        sandboxId: this.#context.sandboxId,
      }),
    );
    this.#output.close();
  }

  toDuplex(): Duplex {
    return ptyDuplex(this);
  }

  get #untilIdleMs(): number {
    return this.#usedAtMs + this.#idleMs - performance.now();
  }

  #use(): void {
    const wasIdle = this.#untilIdleMs <= 0;
    this.#usedAtMs = performance.now();
    if (wasIdle) this.#output.wake();
  }

  /** The live view is quick; the way through files needs no connection, and is taken where there is no view. */
  async #send(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    if (this.#observer.exit !== undefined) {
      throw new SandboxStateError("The terminal's program has ended and reads nothing any more.", {
        sandboxId: this.#context.sandboxId,
      });
    }
    const { view } = this.#output;
    if (view === undefined) await this.#input.write(bytes, signal);
    else await untilAborted(view.send(bytes), signal);
  }

  /** At most one is on its way and one waits; a newer one takes the place of the one that waits. */
  #resizeInTurn(size: TerminalSize): Promise<void> {
    if (this.#resizing === undefined) {
      this.#resizing = this.#setSize(size).finally(() => {
        this.#resizing = undefined;
      });
      return this.#resizing;
    }
    const waiting = this.#nextResize;
    if (waiting !== undefined) {
      this.#nextResize = { size, done: waiting.done };
      return waiting.done;
    }
    const done = this.#resizing
      .catch(() => undefined)
      .then(() => {
        const next = this.#nextResize;
        this.#nextResize = undefined;
        return this.#resizeInTurn(next?.size ?? size);
      });
    this.#nextResize = { size, done };
    return done;
  }

  async #setSize(size: TerminalSize): Promise<void> {
    const { requests } = this.#context;
    const question = resizePty(this.#observer.record, size, this.#context.shellPath);
    const { kind } = await requests.askUntilAnswered(question, this.#observer.detached);
    if (kind === "ready") return;
    throw new SandboxStateError("The terminal is not there any more, so it has no size.", {
      sandboxId: this.#context.sandboxId,
    });
  }
}
