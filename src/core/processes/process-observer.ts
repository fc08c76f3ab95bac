import type { ProcessExit } from "../../contract/process.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { CommandFailures } from "../commands/command-failures.ts";
import type { FollowedReport } from "../commands/command-follower.ts";
import { exitOf } from "../commands/exit-of.ts";
import { killRecord } from "../commands/kill-record.ts";
import type { StreamReport } from "../commands/record-report.ts";
import type { SettledRecord } from "../commands/sandbox-records.ts";
import { untilAborted } from "../delay.ts";

export type StreamName = "stdout" | "stderr";

/** Where one stream stands in the sandbox, as far as this client knows. */
interface KnownStream {
  sizeBytes: number;
  /** The newest bytes, if they came along with a report. */
  inline: StreamReport["inline"];
}

interface Demand {
  /** Undefined: only the end is of interest. */
  readonly stream: StreamName | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What this client knows of one process. It asks the sandbox only while somebody wants to know, and then through the follower that
 * all commands share.
 */
export class ProcessObserver {
  readonly record: string;
  readonly maxLogBytes: number;
  readonly #context: CommandContext;
  readonly failures: CommandFailures;
  readonly #known: Readonly<Record<StreamName, KnownStream>> = {
    stdout: { sizeBytes: 0, inline: undefined },
    stderr: { sizeBytes: 0, inline: undefined },
  };
  readonly #demands = new Set<Demand>();
  readonly #detached = new AbortController();
  #folder = "";
  #exit: ProcessExit | undefined;
  #failure: { readonly error: unknown } | undefined;
  #round: AbortController | undefined;
  #roundStreams = false;

  constructor(
    context: CommandContext,
    options: {
      /** Name of the record. */
      readonly name: string;
      readonly maxLogBytes: number;
      readonly failures: CommandFailures;
    },
  ) {
    this.#context = context;
    this.record = options.name;
    this.maxLogBytes = options.maxLogBytes;
    this.failures = options.failures;
  }

  /** Undefined until the end is known. */
  get exit(): ProcessExit | undefined {
    return this.#exit;
  }

  /** Aborted when nobody wants to know any more. */
  get detached(): AbortSignal {
    return this.#detached.signal;
  }

  sizeOf(stream: StreamName): number {
    return this.#known[stream].sizeBytes;
  }

  /** Bytes from an offset on: those that are here already, else the next ones of the file, fewer where it has become shorter. */
  async bytesFrom(
    stream: StreamName,
    offset: number,
    mostBytes: number,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const end = Math.min(this.sizeOf(stream), offset + mostBytes);
    return this.#bytesAt(stream, offset) ?? this.read(stream, offset, end, signal);
  }

  /** A range of a stream's file. Only after a report. */
  async read(
    stream: StreamName,
    start: number,
    end: number,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const path = `${this.#folder}/${this.record}.${stream === "stdout" ? "out" : "err"}`;
    const chunks: Uint8Array[] = [];
    await this.#context.requests.readRange(path, start, end, signal, (chunk) => {
      chunks.push(chunk);
    });
    return Buffer.concat(chunks);
  }

  #bytesAt(stream: StreamName, offset: number): Uint8Array | undefined {
    const { inline } = this.#known[stream];
    if (inline === undefined || offset < inline.start) return undefined;
    const bytes = inline.bytes.subarray(offset - inline.start);
    return bytes.length > 0 ? bytes : undefined;
  }

  detach(reason: unknown): void {
    this.#detached.abort(reason);
    this.#round?.abort(reason);
  }

  /** Takes over a report that somebody else asked for. */
  accept({ report, folder }: FollowedReport): void {
    this.#folder = folder;
    this.#take("stdout", report.stdout);
    this.#take("stderr", report.stderr);
    if (report.state === "exited") this.#exit = exitOf(report);
  }

  /**
   * Resolves when there is news: more output than is known of the stream, or the end. At once when the end is known.
   * Rejects where the end can never be known.
   */
  async news(stream: StreamName | undefined, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#detached.signal.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#exit !== undefined) return;
    let demand: Demand | undefined;
    const answered = new Promise<void>((resolve, reject) => {
      demand = { stream, resolve, reject };
      this.#demands.add(demand);
    });
    this.#ask();
    try {
      await untilAborted(answered, signal);
    } finally {
      if (demand !== undefined) this.#demands.delete(demand);
      if (this.#demands.size === 0) this.#round?.abort(new Error("nobody waits any more"));
    }
  }

  /** Resolves when the end is known; rejects where it can never be. */
  async ended(signal: AbortSignal): Promise<ProcessExit> {
    for (;;) {
      if (this.#exit !== undefined) return this.#exit;
      await this.news(undefined, signal);
    }
  }

  /** Ends all processes of the command; `left` are those that would not go. */
  end(signal: AbortSignal): Promise<SettledRecord> {
    return killRecord(this.#context, this.record, undefined, signal);
  }

  #take(stream: StreamName, report: StreamReport): void {
    const known = this.#known[stream];
    known.sizeBytes = report.sizeBytes;
    if (report.inline !== undefined) known.inline = report.inline;
  }

  #wantsOutput(): boolean {
    return [...this.#demands].some(({ stream }) => stream !== undefined);
  }

  #ask(): void {
    // A round that only looks for the end must not keep somebody waiting who wants output.
    if (this.#round !== undefined && (this.#roundStreams || !this.#wantsOutput())) return;
    this.#round?.abort(new Error("another round takes its place"));
    const round = new AbortController();
    this.#round = round;
    this.#roundStreams = this.#wantsOutput();
    void this.#follow(round.signal).then(
      () => this.#finishRound(round, undefined),
      (error: unknown) => this.#finishRound(round, { error }),
    );
  }

  #finishRound(round: AbortController, failure: { readonly error: unknown } | undefined): void {
    const isCurrent = this.#round === round;
    if (isCurrent) this.#round = undefined;
    if (failure === undefined || round.signal.aborted) {
      if (this.#detached.signal.aborted) this.#rejectAll(this.#detached.signal.reason);
      else if (isCurrent && this.#demands.size > 0) this.#ask();
      return;
    }
    this.#rejectAll(this.translate(failure.error));
  }

  /** What a failed request means for a process that may run. */
  translate(error: unknown): unknown {
    return this.failures.translate(error, true);
  }

  #rejectAll(error: unknown): void {
    for (const demand of this.#demands) demand.reject(error);
  }

  /** One answer of the sandbox, and what it means for those who wait. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { follower, requests, questions, timing } = this.#context;
    const before = { stdout: this.sizeOf("stdout"), stderr: this.sizeOf("stderr") };
    const startedAtMs = performance.now();
    for (;;) {
      const followed = await follower.next(
        {
          record: this.record,
          stdoutOffset: before.stdout,
          stderrOffset: before.stderr,
          streams: this.#roundStreams,
          maxLogBytes: this.maxLogBytes,
        },
        signal,
      );
      const { state, stdout, stderr } = followed.report;
      if (state === "starting") {
        if (performance.now() - startedAtMs > timing.startingTimeoutMs) {
          // Either it begins in this moment, or it never does.
          await requests.askUntilAnswered(questions.resolve(this.record, true), signal);
        }
        continue;
      }
      if (state === "burned") this.#fail(this.failures.neverBegan());
      if (state === "none") this.#fail(this.failures.unknown("record-missing"));
      if (state === "gone" || state === "restarted") {
        // What was written until then is there to be read, before the streams fail.
        this.accept(followed);
        this.#answer(before);
        this.#fail(
          this.failures.unknown(state === "gone" ? "record-missing" : "sandbox-restarted"),
        );
      }
      if (state === "running" && stdout.sizeBytes + stderr.sizeBytes > this.maxLogBytes) {
        const { left } = await this.end(signal);
        if (left > 0) throw this.failures.unknown("kill-unconfirmed");
        this.#fail(this.failures.overLimit());
      }
      this.accept(followed);
      this.#answer(before);
      return;
    }
  }

  /** Wakes those who wait for what is known now. */
  #answer(before: Readonly<Record<StreamName, number>>): void {
    for (const { stream, resolve } of this.#demands) {
      const isNews = stream !== undefined && this.sizeOf(stream) !== before[stream];
      if (this.#exit !== undefined || isNews) resolve();
    }
  }

  /** For good: what has happened does not change. */
  #fail(error: unknown): never {
    this.#failure = { error };
    throw error;
  }
}
