import { type AnswerSection, type ScriptAnswer, starterName } from "./answer.ts";
import { folderOf, type RecordReport, type StreamReport } from "./record-report.ts";

/** What became of a start. */
export type StartAnswer =
  /** It began. Where it stands is for a poll to say. */
  | { readonly kind: "begun" }
  /** It has ended, and all its output came along. */
  | { readonly kind: "ended"; readonly report: RecordReport; readonly folder: string }
  /** Somebody had taken the claim. `byThisStart`: it was this very script, sent twice on its way. */
  | { readonly kind: "taken"; readonly byThisStart: boolean }
  /** Somebody had taken the claim so that the record never runs. */
  | { readonly kind: "burned" }
  | { readonly kind: "no-working-directory" }
  /** The sandbox has no such user. */
  | { readonly kind: "no-user" }
  /** There is the user, and no way to become it. */
  | { readonly kind: "no-user-switch" }
  /** The record could not be written, and nothing ran; `message` is what the shell said. */
  | { readonly kind: "not-written"; readonly message: string; readonly noSpace: boolean };

/** Undefined when the answer makes no sense. */
export function readStartAnswer(
  answer: ScriptAnswer,
  tag: string,
  record: string,
): StartAnswer | undefined {
  for (const section of answer.sections) {
    switch (section.words[0] ?? "") {
      case "running":
        return { kind: "begun" };
      case "ended":
        return readEnded(section, folderOf(answer), record) ?? { kind: "begun" };
      case "taken":
        return { kind: "taken", byThisStart: section.words[1] === starterName(tag) };
      case "burned":
        return { kind: "burned" };
      case "nocwd":
        return { kind: "no-working-directory" };
      case "nouser":
        return { kind: "no-user" };
      case "noswitch":
        return { kind: "no-user-switch" };
      case "nofeed":
        return {
          kind: "not-written",
          message: "No named pipe for its standard input could be made.",
          noSpace: false,
        };
      case "failed":
        return { kind: "not-written", message: answer.preamble.trim(), noSpace: isFull(answer) };
      case "refused":
        return {
          kind: "not-written",
          message: "Its shell refused an environment variable, or could not write the record.",
          noSpace: false,
        };
      case "nofolder":
        return { kind: "not-written", message: "No private folder could be made.", noSpace: false };
      default:
    }
  }
  return undefined;
}

/** Whether `df -P` said that nothing is available where the records are. */
function isFull(answer: ScriptAnswer): boolean {
  const space = answer.sections.find(({ words }) => words[0] === "space");
  return / (?:9[89]|100)% /.test(Buffer.from(space?.data ?? []).toString("latin1"));
}

/** Undefined unless the output in the answer is exact. */
function readEnded(
  section: AnswerSection,
  folder: string | undefined,
  record: string,
): StartAnswer | undefined {
  const [, code, stdoutSize, stderrSize, background] = section.words;
  const exitCode = Number(code);
  const divider = Buffer.from(`exit ${exitCode} ${record}\n`);
  const stdoutEnd = Number(stdoutSize);
  const dividerEnd = stdoutEnd + divider.length;
  const { data, damaged } = section;
  // The counts are positions of the descriptors that the command inherited; a command that opened its output anew makes them
  // wrong. Output too large for an answer fails here as well.
  const exact =
    folder !== undefined &&
    !damaged &&
    data.length === dividerEnd + Number(stderrSize) &&
    divider.equals(data.subarray(stdoutEnd, dividerEnd));
  if (!exact) return undefined;
  return {
    kind: "ended",
    folder,
    report: {
      index: 0,
      state: "exited",
      exitCode,
      killed: false,
      leftBackgroundProcesses: background === "1",
      stdout: wholeStream(data.subarray(0, stdoutEnd)),
      stderr: wholeStream(data.subarray(dividerEnd)),
    },
  };
}

function wholeStream(bytes: Uint8Array): StreamReport {
  return { sizeBytes: bytes.length, inline: { start: 0, bytes } };
}
