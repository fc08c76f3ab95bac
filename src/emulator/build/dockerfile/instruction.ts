/** Text given below an instruction, as in `RUN <<EOF`. */
export interface Heredoc {
  readonly name: string;
  readonly content: string;
  /** False when the name was quoted: variables in it are text. */
  readonly expands: boolean;
}

/** One instruction of a Dockerfile. */
export interface Instruction {
  /** In capitals. */
  readonly keyword: string;
  /** `--name=value` before the arguments; a flag without a value is "". */
  readonly flags: ReadonlyMap<string, string>;
  /** What follows, with continued lines joined and comments taken out. */
  readonly rest: string;
  readonly heredocs: readonly Heredoc[];
  /** Line on which it begins, from 1. */
  readonly line: number;
}

export interface Dockerfile {
  readonly instructions: readonly Instruction[];
  /** The character that continues a line and takes away the meaning of the next one. */
  readonly escapeCharacter: string;
}

/** A Dockerfile that cannot be understood, with the line. */
export class DockerfileError extends Error {
  override readonly name = "DockerfileError";

  constructor(message: string, line?: number) {
    super(line === undefined ? message : `dockerfile parse error on line ${line}: ${message}`);
  }
}
