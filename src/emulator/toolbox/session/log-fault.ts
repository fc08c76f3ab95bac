import type { DaemonEffect } from "../../faults/fault-types.ts";
import { MarkerFilter } from "./log-markers.ts";

type LogEffect = Extract<DaemonEffect, { type: "log-follow" }>;

/** What a `log-follow` effect does to one followed log. */
export class LogFault {
  readonly #effect: LogEffect;
  readonly #replaySize: number;
  readonly #filter: MarkerFilter | undefined;
  #position = 0;

  /** @param replaySize - Bytes that the log holds when it is asked for. */
  constructor(effect: LogEffect, replaySize: number) {
    this.#effect = effect;
    this.#replaySize = replaySize;
    this.#filter = effect.unlabelled ? new MarkerFilter() : undefined;
  }

  get lingerMs(): number {
    return this.#effect.lingerMs ?? 0;
  }

  /** Whether the connection is to end now, that the replay is over. */
  get endsNow(): boolean {
    return this.#effect.endAtOnce === true && this.#position >= this.#replaySize;
  }

  /** What is sent instead of the log's next bytes. */
  push(chunk: Buffer): Buffer {
    const { splice, replayBytes = this.#replaySize } = this.#effect;
    const start = this.#position;
    this.#position += chunk.length;
    const part = (from: number, to: number) =>
      chunk.subarray(Math.max(0, from - start), Math.max(0, to - start));
    const shown = (from: number, to: number) =>
      Buffer.concat([
        part(from, Math.min(to, replayBytes)),
        part(Math.max(from, this.#replaySize), to),
      ]);
    const all = Number.POSITIVE_INFINITY;
    if (!splice) return this.#filtered(shown(0, all));
    const { atByte, dropBytes = 0, insertBase64 = "" } = splice;
    const insertsHere = atByte >= start && atByte < this.#position;
    return Buffer.concat([
      this.#filtered(shown(0, atByte)),
      insertsHere ? Buffer.from(insertBase64, "base64") : Buffer.alloc(0),
      this.#filtered(shown(atByte + dropBytes, all)),
    ]);
  }

  end(): Buffer {
    return this.#filter?.end() ?? Buffer.alloc(0);
  }

  #filtered(bytes: Buffer): Buffer {
    return this.#filter?.push(bytes) ?? bytes;
  }
}
