import type { AnswerSection, ScriptAnswer } from "./answer.ts";

/** Where a record stands. */
export type RecordState =
  | "none"
  /** Its claim was taken so that it never runs. */
  | "burned"
  | "starting"
  | "running"
  | "exited"
  | "restarted"
  | "gone";

/** Where one stream of a command stands. */
export interface StreamReport {
  readonly sizeBytes: number;
  /** Bytes that came with the answer, exact. Undefined: they have to be read from the file. */
  readonly inline: { readonly start: number; readonly bytes: Uint8Array } | undefined;
}

/** What the sandbox says about one record. */
export interface RecordReport {
  readonly index: number;
  readonly state: RecordState;
  /** Defined when `state` is `exited`. */
  readonly exitCode: number | undefined;
  /** Whether this library began to kill the command. */
  readonly killed: boolean;
  /** Whether processes that the command had started in the background were still running at its end. */
  readonly leftBackgroundProcesses: boolean;
  readonly stdout: StreamReport;
  readonly stderr: StreamReport;
}

const states: ReadonlySet<string> = new Set<RecordState>([
  "none",
  "burned",
  "starting",
  "running",
  "exited",
  "restarted",
  "gone",
]);

export function isRecordState(word: string | undefined): word is RecordState {
  return word !== undefined && states.has(word);
}

/** The records of an answer that `report` of the state fragment printed. Undefined when a line makes no sense. */
export function readReports(answer: ScriptAnswer): RecordReport[] | undefined {
  const reports: RecordReport[] = [];
  for (const [position, section] of answer.sections.entries()) {
    if (section.words[0] !== "record") continue;
    const next = answer.sections[position + 1];
    const report = next?.words[0] === "stderr" ? readReport(section, next) : undefined;
    if (report === undefined) return undefined;
    reports.push(report);
  }
  return reports;
}

/** The report on a record of which there is no trace. */
export function reportOfNothing(index: number): RecordReport {
  const stream: StreamReport = { sizeBytes: 0, inline: undefined };
  return {
    index,
    state: "none",
    exitCode: undefined,
    killed: false,
    leftBackgroundProcesses: false,
    stdout: stream,
    stderr: stream,
  };
}

function readReport(section: AnswerSection, stderr: AnswerSection): RecordReport | undefined {
  const [, index, state, code, killed, background, ...numbers] = section.words;
  const [out, err, outFrom, outLength, errFrom, errLength] = numbers.map(Number);
  if (!isRecordState(state)) return undefined;
  if (![Number(index), out, err, outFrom, outLength, errFrom, errLength].every(Number.isInteger)) {
    return undefined;
  }
  const exitCode = code === "-" ? undefined : Number(code);
  if ((state === "exited") !== Number.isInteger(exitCode)) return undefined;
  return {
    index: Number(index),
    state,
    exitCode,
    killed: killed === "1",
    leftBackgroundProcesses: background === "1",
    stdout: readStream(section, out as number, outFrom as number, outLength as number),
    stderr: readStream(stderr, err as number, errFrom as number, errLength as number),
  };
}

function readStream(
  section: AnswerSection,
  sizeBytes: number,
  start: number,
  lengthBytes: number,
): StreamReport {
  const exact = lengthBytes > 0 && !section.damaged && section.data.length === lengthBytes;
  return { sizeBytes, inline: exact ? { start, bytes: section.data } : undefined };
}

/** The private folder, as a script named it. */
export function folderOf(answer: ScriptAnswer): string | undefined {
  return answer.sections
    .find(({ words }) => words[0] === "folder")
    ?.words.slice(1)
    .join(" ");
}
