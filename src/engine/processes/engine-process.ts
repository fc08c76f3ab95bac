import { Socket } from "node:net";
import type { EngineProcess, EngineProcessExit } from "../engine-types.ts";
import type { PipedProgram, StartedProgram } from "./started-program.ts";

/** How to reach the group of processes that a spawned child stands for. */
export interface ProcessGroup {
  /** PID of the group's leader as the host sees it. */
  readonly pid: number;
  signal(signal: NodeJS.Signals): void;
}

/** A program that this Node process started, shown as a process of a sandbox. */
export class ChildEngineProcess implements EngineProcess {
  readonly pid: number;
  readonly stdin: Socket;
  readonly stdout: Socket;
  readonly stderr: Socket;
  readonly exited: Promise<EngineProcessExit>;
  readonly #started: StartedProgram;
  readonly #group: ProcessGroup;

  /**
   * Must be reached by its user in the same turn of the event loop: the streams read from now on, and an output that is
   * empty ends at once.
   */
  constructor({ started, descriptors }: PipedProgram, group: ProcessGroup) {
    const [input, output, error] = descriptors;
    this.pid = group.pid;
    this.stdin = new Socket({ fd: input, readable: false, writable: true });
    this.stdout = new Socket({ fd: output, readable: true, writable: false });
    this.stderr = new Socket({ fd: error, readable: true, writable: false });
    this.exited = started.exited;
    this.#started = started;
    this.#group = group;
    // A process may end before it has read its input. Writers learn it from their own callbacks; it is no crash of the host.
    this.stdin.on("error", () => undefined);
    this.#started.exited.then(
      () => this.stdin.destroy(),
      () => this.stdin.destroy(),
    );
  }

  kill(signal: NodeJS.Signals): void {
    this.#group.signal(signal);
  }

  unref(): void {
    this.#started.unref();
    for (const stream of [this.stdin, this.stdout, this.stderr]) stream.unref();
  }

  /** Lets the process run on without us: nothing of it keeps this Node process alive any more. */
  release(): void {
    this.#started.unref();
    for (const stream of [this.stdin, this.stdout, this.stderr]) stream.destroy();
  }
}
