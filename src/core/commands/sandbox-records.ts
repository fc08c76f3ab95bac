import { isUtf8 } from "node:buffer";
import { hashTexts } from "../sandbox-identity.ts";
import { secretsMemoryPath } from "../secrets/secrets-file.ts";
import { type ScriptAnswer, starterName } from "./answer.ts";
import type { CommandRequest } from "./command-request.ts";
import { type InputPiece, inputScript } from "./input-script.ts";
import { listScript } from "./list-script.ts";
import {
  type ListedRecord,
  type PlacedInput,
  readList,
  readPlacedInput,
  readSignalled,
  type SignalledRecord,
} from "./process-answers.ts";
import { createProcessId } from "./process-id.ts";
import { folderOf, type RecordReport, readReports } from "./record-report.ts";
import { processName, processVariable } from "./run-file.ts";
import type { Question } from "./sandbox-requests.ts";
import { killScript, lookUpScript, prepareScript, resolveScript } from "./settle-script.ts";
import { signalScript } from "./signal-script.ts";
import { readStartAnswer, type StartAnswer } from "./start-answer.ts";
import { startScript } from "./start-script.ts";

/** What a script that settles one record found. */
export interface SettledRecord {
  readonly report: RecordReport;
  readonly folder: string;
  /** Processes of the command that a kill could not end. */
  readonly left: number;
  /** Whether the call that killed, with one of its scripts, found something to end. */
  readonly acted: boolean;
  /** Name of the start that took the claim; empty where nobody did. */
  readonly starter: string;
  /** Bytes of output that its start allowed it in the sandbox. */
  readonly maxLogBytes: number;
  readonly generation: number;
}

/** Bytes of standard input that travel in the start; more is uploaded first. */
const largestInlineInput = 256 * 1024;

/** Bytes of output that travel in the first answer. */
const largestInlineOutput = 256 * 1024;

/** Standard input as text for the start, or undefined when only an upload carries it exactly. */
export function inlineInput(stdin: Uint8Array | undefined): string | undefined {
  if (stdin === undefined || stdin.length > largestInlineInput) return undefined;
  // No shell can carry NUL.
  return isUtf8(stdin) && !stdin.includes(0) ? Buffer.from(stdin).toString("utf8") : undefined;
}

/** Questions about records, as scripts and the meaning of their answers. */
export class RecordQuestions {
  readonly #shellPath: string;
  readonly #pollFile: string;
  readonly #secretsPath: string;
  readonly #sandboxMark: string;

  constructor(options: {
    readonly sandboxId: string;
    readonly shellPath: string;
    readonly pollFile: string;
  }) {
    this.#shellPath = options.shellPath;
    this.#pollFile = options.pollFile;
    this.#secretsPath = secretsMemoryPath(options.sandboxId);
    this.#sandboxMark = hashTexts([options.sandboxId]);
  }

  start(
    request: CommandRequest,
    options: {
      readonly record: string;
      readonly waitSeconds: number;
      readonly unneeded: readonly string[];
      readonly sweep: boolean;
      /** Called with the name by which the record will call this start. */
      readonly onName: (starter: string) => void;
    },
  ): Question<StartAnswer> {
    return {
      script: (tag) => {
        options.onName(starterName(tag));
        return startScript({
          tag,
          record: options.record,
          command: request.command,
          cwd: request.cwd,
          env: request.env,
          secretEnv: request.secretEnv ?? {},
          secretsPath: this.#secretsPath,
          sandboxMark: this.#sandboxMark,
          stdinText: inlineInput(request.stdin),
          waitSeconds: options.waitSeconds,
          maxLogBytes: request.maxLogBytes,
          inlineBytes: largestInlineOutput,
          unneeded: options.unneeded,
          sweep: options.sweep,
          keep: request.keep ?? false,
          kind: request.kind ?? "exec",
          feeds: request.feeds ?? false,
          user: request.user,
          shellPath: this.#shellPath,
        });
      },
      read: (answer, tag) => readStartAnswer(answer, tag, options.record),
    };
  }

  prepare(): Question<string> {
    return { script: (tag) => prepareScript(tag, this.#shellPath), read: folderOf };
  }

  resolve(record: string, cancel: boolean): Question<SettledRecord> {
    return {
      script: (tag) => resolveScript({ tag, record, cancel, shellPath: this.#shellPath }),
      read: readSettled,
    };
  }

  /** @param starters - Names of starts; what another start began is left alone. Undefined: whoever began it. */
  kill(
    record: string,
    graceSeconds: number,
    starters: readonly string[] | undefined,
  ): Question<SettledRecord> {
    const caller = createProcessId();
    return {
      script: (tag) =>
        killScript({
          tag,
          record,
          graceSeconds,
          caller,
          starters,
          processEntry: this.#processEntry(record),
          pollFile: this.#pollFile,
          shellPath: this.#shellPath,
        }),
      read: readSettled,
    };
  }

  /** Puts a piece of standard input into its place, once however often it is asked. */
  input(piece: Omit<InputPiece, "tag" | "shellPath">): Question<PlacedInput> {
    return {
      script: (tag) => inputScript({ ...piece, tag, shellPath: this.#shellPath }),
      read: readPlacedInput,
    };
  }

  signal(record: string, signal: string): Question<SignalledRecord> {
    return {
      script: (tag) =>
        signalScript({
          tag,
          record,
          signal,
          processEntry: this.#processEntry(record),
          shellPath: this.#shellPath,
        }),
      read: readSignalled,
    };
  }

  list(): Question<ListedRecord[]> {
    return { script: (tag) => listScript(tag, this.#shellPath), read: readList };
  }

  lookUp(processId: string, generations: number): Question<SettledRecord | "no-folder"> {
    return {
      script: (tag) =>
        lookUpScript({ tag, record: processId, generations, shellPath: this.#shellPath }),
      read: (answer) =>
        answer.sections.some(({ words }) => words[0] === "nofolder")
          ? "no-folder"
          : readSettled(answer),
    };
  }

  #processEntry(record: string): string {
    return `${processVariable}=${processName(this.#sandboxMark, record)}`;
  }
}

function readSettled(answer: ScriptAnswer): SettledRecord | undefined {
  const report = readReports(answer)?.[0];
  const folder = folderOf(answer);
  const word = (name: string): string | undefined =>
    answer.sections.find(({ words }) => words[0] === name)?.words[1];
  const left = Number(word("left"));
  const generation = Number(word("generation"));
  // Records of an older version do not say.
  const maxLogBytes = Number(word("limit")) || Number.MAX_SAFE_INTEGER;
  if (report === undefined || folder === undefined) return undefined;
  if (!Number.isInteger(left) || !Number.isInteger(generation)) return undefined;
  return {
    report,
    folder,
    left,
    acted: word("acted") === "1",
    generation,
    maxLogBytes,
    starter: word("starter") ?? "",
  };
}
