import type { Readable } from "node:stream";
import { EngineError } from "../engine-error.ts";
import type { EngineProcessExit, EnginePty } from "../engine-types.ts";
import type { ProcessGroup } from "../processes/engine-process.ts";
import type { StartedProgram } from "../processes/started-program.ts";
import { resizeTerminal } from "./terminal-control.ts";
import { TerminalInput } from "./terminal-input.ts";
import { TerminalOutput } from "./terminal-output.ts";
import { checkTerminalSize, type TerminalSize } from "./terminal-size.ts";

/** A program that leads a session on a terminal. */
export interface TerminalProgram {
  readonly started: StartedProgram;
  readonly group: ProcessGroup;
}

/** A PTY whose master this process holds: it ends with this process at the latest. */
export class LocalPty implements EnginePty {
  readonly pid: number;
  readonly exited: Promise<EngineProcessExit>;
  readonly #master: number;
  readonly #started: StartedProgram;
  readonly #group: ProcessGroup;
  readonly #output: TerminalOutput;
  readonly #input: TerminalInput;
  #wantedSize: TerminalSize | undefined;
  #resizing: Promise<void> | undefined;

  /** Takes over the master. */
  constructor(master: number, { started, group }: TerminalProgram) {
    this.#master = master;
    this.#started = started;
    this.#group = group;
    this.pid = group.pid;
    this.#output = new TerminalOutput(master);
    this.#input = new TerminalInput(master, () => this.#output.isOpen);
    this.exited = started.exited.finally(() => this.#output.closeAfterProgram());
    this.exited.catch(() => undefined);
  }

  get output(): Readable {
    return this.#output;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#input.write(bytes);
  }

  resize(rows: number, cols: number): Promise<void> {
    try {
      checkTerminalSize({ rows, cols });
      this.#assertOpen();
    } catch (error) {
      return Promise.reject(error as Error);
    }
    this.#wantedSize = { rows, cols };
    this.#resizing ??= this.#applySizes();
    return this.#resizing;
  }

  kill(signal: NodeJS.Signals): void {
    this.#group.signal(signal);
  }

  close(): void {
    this.#output.close();
  }

  /** Hangs up, and lets this Node process end before the program does. */
  release(): void {
    this.#started.unref();
    this.close();
  }

  /** One at a time, and of those that came in the meantime only the last. */
  async #applySizes(): Promise<void> {
    try {
      for (let size = this.#takeSize(); size; size = this.#takeSize()) {
        this.#assertOpen();
        await resizeTerminal(this.#master, size);
      }
    } finally {
      this.#resizing = undefined;
    }
  }

  /** A closed descriptor's number soon is another file's. */
  #assertOpen(): void {
    if (!this.#output.isOpen) throw new EngineError("PTY_CLOSED", "The PTY has ended");
  }

  #takeSize(): TerminalSize | undefined {
    const size = this.#wantedSize;
    this.#wantedSize = undefined;
    return size;
  }
}
