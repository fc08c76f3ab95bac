import type { ScriptAnswer } from "./answer.ts";
import { isRecordState, type RecordState } from "./record-report.ts";

/** What became of a piece of standard input. */
export type PlacedInput =
  /** It is in the place with that number; the command reads it in its turn. */
  | { readonly kind: "placed"; readonly position: number }
  /** It is in its place, and what is before it or itself was not handed over yet. */
  | { readonly kind: "unfed"; readonly position: number }
  /** The command reads slowly: there is no room yet, and the piece is not there. */
  | { readonly kind: "full"; readonly position: number }
  /** Somebody has ended the input. */
  | { readonly kind: "closed" }
  | { readonly kind: "ended" }
  /** There is no such record. */
  | { readonly kind: "gone" }
  /** The command was started without an input that can be written to. */
  | { readonly kind: "no-input" }
  | { readonly kind: "not-written"; readonly message: string };

export function readPlacedInput(answer: ScriptAnswer): PlacedInput | undefined {
  const [word = "", number] = answer.sections[0]?.words ?? [];
  const position = Number(number);
  switch (word) {
    case "placed":
    case "full":
    case "unfed":
      return Number.isInteger(position) ? { kind: word, position } : undefined;
    case "closed":
    case "ended":
    case "gone":
      return { kind: word };
    case "nofolder":
      return { kind: "gone" };
    case "nofeed":
      return { kind: "no-input" };
    case "failed":
      return { kind: "not-written", message: answer.preamble.trim() };
    default:
      return undefined;
  }
}

export interface SignalledRecord {
  readonly state: RecordState;
  /** Whether there was a process to send the signal to. */
  readonly reached: boolean;
}

export function readSignalled(answer: ScriptAnswer): SignalledRecord | undefined {
  const [word, state, reached] = answer.sections[0]?.words ?? [];
  if (word === "nofolder") return { state: "none", reached: false };
  if (word !== "signalled" || !isRecordState(state)) return undefined;
  return { state, reached: reached === "1" };
}

/** A record in the list of all. */
export interface ListedRecord {
  /** ID of the process, without the generation. */
  readonly processId: string;
  readonly state: RecordState;
  readonly exitCode: number | undefined;
  readonly kind: string;
  readonly startedAt: Date | undefined;
  /** First line of the command. */
  readonly commandLine: string;
}

/** Ticks of a second in `/proc/PID/stat`: fixed at 100 for programs on Linux (man 5 proc, `USER_HZ`). */
const ticksPerSecond = 100;

export function readList(answer: ScriptAnswer): ListedRecord[] | undefined {
  const records: ListedRecord[] = [];
  for (const { words, data } of answer.sections) {
    if (words[0] !== "process") continue;
    const [, record = "", state, code, kind = "-", ticks, bootSeconds] = words;
    if (!isRecordState(state)) return undefined;
    const startedAtMs = (Number(bootSeconds) + Number(ticks) / ticksPerSecond) * 1000;
    records.push({
      processId: record.slice(0, record.lastIndexOf("_")),
      state,
      exitCode: code === "-" ? undefined : Number(code),
      kind,
      startedAt: Number.isFinite(startedAtMs) ? new Date(startedAtMs) : undefined,
      commandLine: Buffer.from(data).toString("utf8").replace(/\n$/, ""),
    });
  }
  return records;
}
