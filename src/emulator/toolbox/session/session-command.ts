import { posix } from "node:path";
import type { EngineSandbox } from "../../../engine/engine-types.ts";
import { readIfPresent } from "./session-files.ts";

export interface NewCommand {
  readonly id: string;
  /** As the client sent it. */
  readonly text: string;
  readonly suppressInputEcho: boolean;
  /** Whether its standard input ends after the first input, as a fault wants it. */
  readonly inputEndsAfterFirst: boolean;
}

/** A command that was given to a session. Everything that is known of it is in files in the sandbox. */
export class SessionCommand {
  readonly id: string;
  readonly text: string;
  readonly suppressInputEcho: boolean;
  readonly inputEndsAfterFirst: boolean;
  readonly directory: string;
  #exitCode: number | undefined;

  constructor(
    directoryOfSession: string,
    { id, text, suppressInputEcho, inputEndsAfterFirst }: NewCommand,
  ) {
    this.id = id;
    this.text = text;
    this.suppressInputEcho = suppressInputEcho;
    this.inputEndsAfterFirst = inputEndsAfterFirst;
    this.directory = posix.join(directoryOfSession, id);
  }

  get logPath(): string {
    return posix.join(this.directory, "output.log");
  }

  get inputPath(): string {
    return posix.join(this.directory, "input.pipe");
  }

  /** A file whose existence tells that there was a first input. */
  get firstInputPath(): string {
    return posix.join(this.directory, "input.first");
  }

  get exitCodePath(): string {
    return posix.join(this.directory, "exit_code");
  }

  get scriptPath(): string {
    return posix.join(this.directory, "cmd.sh");
  }

  /** The exit code as far as it was asked for until now. */
  get knownExitCode(): number | undefined {
    return this.#exitCode;
  }

  async exitCode(engine: EngineSandbox): Promise<number | undefined> {
    if (this.#exitCode !== undefined) return this.#exitCode;
    const text = (await readIfPresent(engine, this.exitCodePath))?.toString("latin1").trim();
    if (text) this.#exitCode = Number(text);
    return this.#exitCode;
  }
}
