import type { ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Socket } from "node:net";
import { constants } from "node:os";
import { getSystemErrorName } from "node:util";
import { EngineError } from "../../engine-error.ts";
import type { EngineProcessExit } from "../../engine-types.ts";
import { entryField } from "../../isolation/enter-program.ts";
import { readHostPrivileges } from "../../isolation/host-privileges.ts";
import { knowsSystemCalls, systemCallArguments } from "../../isolation/system-calls.ts";
import { findSystemProgram } from "../../isolation/system-programs.ts";
import { fieldMessage } from "../field-message.ts";
import { spawnChild } from "../spawn-child.ts";
import {
  descriptorsOf,
  type ProgramGroup,
  type ProgramToStart,
  type StandardStreams,
} from "../started-program.ts";
import { SpawnerChild } from "./spawner-child.ts";
import { SpawnerGroups } from "./spawner-groups.ts";
import { READY_LINE, SPAWNER_PROGRAM } from "./spawner-program.ts";

const READY_WITHIN_MS = 10_000;

/** As the spawner takes them. */
const SESSIONS = { own: "1", terminal: "terminal", none: "0" } as const;

interface Request {
  /** With the program, if one was started. */
  readonly resolve: (child: SpawnerChild | undefined) => void;
  readonly reject: (error: Error) => void;
  readonly subject: string;
  readonly group: number | undefined;
}

/** A small process that starts programs for this one, whose own forks would take long and stop everything meanwhile. */
export class Spawner {
  readonly #process: ChildProcess;
  readonly #input: Socket;
  readonly #output: Socket;
  readonly #requests = new Map<number, Request>();
  readonly #children = new Map<number, SpawnerChild>();
  readonly #groups = new SpawnerGroups((group) => this.#send(["release", String(group)]));
  /** Resolves when it has ended, however. */
  readonly gone: Promise<void>;
  #unfinishedLine = "";
  #lastNumber = 0;
  #isAlive = true;
  #isRetired = false;

  private constructor(process: ChildProcess) {
    this.#process = process;
    this.#input = process.stdin as Socket;
    this.#output = process.stdout as Socket;
    this.#input.on("error", () => undefined);
    this.#output.on("error", () => undefined);
    this.gone = new Promise((resolve) => {
      // After the last line has been read, and when the process has been reaped.
      process.once("close", () => {
        this.#lose();
        resolve();
      });
    });
    process.unref();
  }

  /**
   * Undefined where there can be none: without perl and its POSIX module, or where `/proc` does not let a child open the descriptors
   * of its parent.
   */
  static async start(inherited: readonly number[]): Promise<Spawner | undefined> {
    const perl = findSystemProgram("perl");
    if (perl === undefined) return undefined;
    const calls = knowsSystemCalls() ? systemCallArguments() : [];
    const trial = openSync("/dev/null", "r");
    try {
      const child = await spawnChild(
        {
          argv: [perl, "-e", SPAWNER_PROGRAM, String(process.pid), String(trial), ...calls],
          cwd: "/",
          env: { LC_ALL: "C" },
        },
        ["pipe", "pipe", "ignore"],
        inherited,
      );
      const spawner = new Spawner(child);
      if (await spawner.#becomesReady()) return spawner;
      child.kill("SIGKILL");
      await spawner.gone;
      return undefined;
    } catch {
      // It cannot even be started; what is to be started without it says why.
      return undefined;
    } finally {
      closeSync(trial);
    }
  }

  /** Rejects as Node's `spawn` does when it could not be started, such as with ENOENT. The descriptors are needed until then. */
  async spawn(program: ProgramToStart, streams: StandardStreams): Promise<SpawnerChild> {
    const { argv, cwd, env, entry, session = "own", holdsNamespaces = false } = program;
    const number = this.#nextNumber();
    const group = program.group && this.#groups.enter(program.group);
    const request = { number, subject: `spawn ${argv[0] ?? ""}`, group: group?.number };
    const child = await this.#request(request, [
      ...(group === undefined ? [] : ["within", String(group.number), group.joins]),
      holdsNamespaces ? "hold" : "spawn",
      String(number),
      String(program.umask ?? readHostPrivileges().umask),
      String(program.oomScoreAdjustment ?? ""),
      entry === undefined ? "" : entryField(entry),
      SESSIONS[session],
      streams.kind,
      ...descriptorsOf(streams).map(String),
      cwd,
      String(argv.length),
      ...argv,
      ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    ]);
    if (child === undefined) throw new TypeError("The spawner started no program");
    return child;
  }

  async makeFifos(paths: readonly string[]): Promise<void> {
    const number = this.#nextNumber();
    const request = { number, subject: "mkfifo", group: undefined };
    await this.#request(request, ["mkfifo", String(number), ...paths]);
  }

  /** Begins to join the control groups, which takes a while, before the first program needs it. */
  warmGroup(group: ProgramGroup): void {
    const { number, joins } = this.#groups.enter(group);
    this.#send(["within", String(number), joins, "nothing"]);
    this.#groups.leave(number);
  }

  /** The control groups of a sandbox are about to be removed, and nothing of it runs any more. */
  leaveGroup(group: ProgramGroup): void {
    this.#groups.release(group);
  }

  /** It ends as soon as nothing that it started runs any more. Resolves then, or at once when that will be later. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    if (this.#isBusy) return;
    this.#input.end();
    this.#process.ref();
    this.#output.ref();
    await this.gone;
  }

  get #isBusy(): boolean {
    return this.#requests.size > 0 || this.#children.size > 0;
  }

  async #becomesReady(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(false), READY_WITHIN_MS);
        void this.gone.then(() => resolve(false));
        this.#output.setEncoding("latin1").on("data", (text: string) => {
          const lines = (this.#unfinishedLine + text).split("\n");
          this.#unfinishedLine = lines.pop() ?? "";
          for (const line of lines) {
            if (line === READY_LINE) resolve(true);
            else this.#take(line);
          }
          if (this.#isRetired && !this.#isBusy) this.#input.end();
          this.#holdHost();
        });
      });
    } finally {
      clearTimeout(timer);
      this.#holdHost();
    }
  }

  #nextNumber(): number {
    this.#lastNumber += 1;
    return this.#lastNumber;
  }

  #request(
    { number, subject, group }: Pick<Request, "subject" | "group"> & { readonly number: number },
    fields: readonly string[],
  ): Promise<SpawnerChild | undefined> {
    if (!this.#isAlive) return Promise.reject(lost(subject));
    return new Promise((resolve, reject) => {
      this.#requests.set(number, { resolve, reject, subject, group });
      this.#holdHost();
      this.#send(fields);
    });
  }

  #send(fields: readonly string[]): void {
    if (!this.#isAlive) return;
    this.#input.write(fieldMessage(fields));
  }

  #take(line: string): void {
    const [what, numberText, valueText] = line.split(" ");
    const number = Number(numberText);
    const value = Number(valueText);
    if (what === "exited") {
      const child = this.#children.get(number);
      child?.end(exitOf(value));
      this.#children.delete(number);
      this.#groups.leave(child?.group);
      return;
    }
    if (what === "gone") {
      this.#loseGroup(number);
      return;
    }
    const request = this.#requests.get(number);
    this.#requests.delete(number);
    if (what === "failed") {
      this.#groups.leave(request?.group);
      request?.reject(systemError(value, request.subject));
    } else if (what === "started") {
      // Its end may be in the next line already, before anybody who waits for it gets a turn.
      const child = new SpawnerChild(value, request?.group, () => this.#holdHost());
      this.#children.set(number, child);
      request?.resolve(child);
    } else {
      request?.resolve(undefined);
    }
  }

  /** This process lives on for as long as somebody waits for an answer, or for the end of a program that was not let go. */
  #holdHost(): void {
    const isAwaited =
      this.#requests.size > 0 ||
      [...this.#children.values()].some(({ keepsHostAlive }) => keepsHostAlive);
    if (isAwaited) this.#output.ref();
    else this.#output.unref();
    this.#input.unref();
  }

  /** Somebody, or the kernel for want of memory, has ended the launcher of one sandbox. */
  #loseGroup(group: number): void {
    this.#groups.forget(group);
    for (const [number, request] of this.#requests) {
      if (request.group !== group) continue;
      this.#requests.delete(number);
      request.reject(lost(request.subject));
    }
    for (const [number, child] of this.#children) {
      if (child.group !== group) continue;
      this.#children.delete(number);
      child.lose();
    }
  }

  #lose(): void {
    this.#isAlive = false;
    this.#groups.clear();
    for (const { reject, subject } of this.#requests.values()) reject(lost(subject));
    for (const child of this.#children.values()) child.lose();
    this.#requests.clear();
    this.#children.clear();
  }
}

function lost(subject: string): EngineError {
  return new EngineError(
    "EXIT_UNKNOWN",
    `${subject}: whether it happened cannot be known, because the engine's spawner has gone`,
  );
}

const SIGNALS = new Map<number, NodeJS.Signals>(
  Object.entries(constants.signals).map(([name, number]) => [number, name as NodeJS.Signals]),
);

/** Of a status as wait(2) gives it. */
function exitOf(status: number): EngineProcessExit {
  const number = status & 0x7f;
  if (number === 0) return { exitCode: status >> 8, signal: null };
  // A real-time signal has no name in Node; this is how a shell counts it.
  const signal = SIGNALS.get(number);
  return signal ? { exitCode: null, signal } : { exitCode: 128 + number, signal: null };
}

function systemError(errno: number, subject: string): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno);
  const error: NodeJS.ErrnoException = new Error(`${subject} ${code}`);
  return Object.assign(error, { code, errno: -errno, syscall: subject });
}
