import { DockerfileError, type Instruction } from "./instruction.ts";
import { parseDockerfile } from "./parse-dockerfile.ts";
import { execForm, splitWords } from "./words.ts";

/** What stands between one FROM and the next. */
export interface StagePlan {
  /** As written, with its variables. */
  readonly base: string;
  /** In small letters. */
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
  /** Number of instructions that change files. */
  readonly fileSteps: number;
}

const fileInstructions = new Set(["RUN", "COPY", "ADD", "WORKDIR"]);

/**
 * The stages of a Dockerfile, and the ARGs before the first one.
 *
 * @throws DockerfileError
 */
export function groupStages(text: string): {
  readonly stages: readonly StagePlan[];
  readonly globals: readonly (readonly [string, string | undefined])[];
  readonly escapeCharacter: string;
} {
  const { instructions, escapeCharacter } = parseDockerfile(text);
  const stages: (StagePlan & { instructions: Instruction[]; fileSteps: number })[] = [];
  const globals: (readonly [string, string | undefined])[] = [];
  for (const instruction of instructions) {
    const stage = stages.at(-1);
    if (instruction.keyword === "FROM") stages.push(beginStage(instruction));
    else if (stage) {
      checkExecForm(instruction);
      stage.instructions.push(instruction);
      if (fileInstructions.has(instruction.keyword)) stage.fileSteps += 1;
    } else if (instruction.keyword === "ARG") {
      for (const word of splitWords(instruction.rest, escapeCharacter)) {
        const at = word.indexOf("=");
        globals.push(at === -1 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)]);
      }
    } else throw new DockerfileError("no build stage in current context", instruction.line);
  }
  if (stages.length === 0) throw new DockerfileError("no build stage in current context", 1);
  return { stages, globals, escapeCharacter };
}

function beginStage({ rest, line }: Instruction): StagePlan & {
  instructions: Instruction[];
  fileSteps: number;
} {
  const [base = "", as, name, ...more] = rest.split(/\s+/);
  const isNamed = as?.toLowerCase() === "as" && name !== undefined;
  if ((as !== undefined && !isNamed) || more.length > 0)
    throw new DockerfileError("FROM requires either one or three arguments", line);
  return { base, name: name?.toLowerCase(), instructions: [], fileSteps: 0 };
}

function checkExecForm({ keyword, rest, line }: Instruction): void {
  if (keyword === "SHELL" && !execForm(rest)?.length)
    throw new DockerfileError("SHELL requires the arguments to be in JSON form", line);
}
