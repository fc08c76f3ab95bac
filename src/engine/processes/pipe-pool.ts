import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, constants, openSync, unlinkSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { nameOfOwner, removeFoldersOfTheDead } from "../state/owned-folders.ts";
import { removeTree } from "../state/remove-tree.ts";
import { spreadDirectories } from "../state/spread-directories.ts";

const run = promisify(execFile);
const PIPES_PER_BATCH = 48;

/** The two ends of a pipe, as descriptors. */
interface PipeEnds {
  readonly own: number;
  readonly child: number;
}

/** Makes named pipes at these paths. Resolves with false when it cannot make any here. */
type MakePipes = (paths: readonly string[]) => Promise<boolean>;

export interface StandardPipes {
  readonly stdin: PipeEnds;
  readonly stdout: PipeEnds;
  readonly stderr: PipeEnds;
}

/**
 * Real pipes for the standard streams of children. What Node calls a pipe is a socket, and a program that opens
 * `/dev/stderr` or `/dev/stdout`, as many scripts do, gets ENXIO from a socket. Node cannot make pipes, so they begin as
 * named ones, made many at a time, and lose their names as soon as both ends are open.
 */
export class PipePool {
  readonly #directory: string;
  readonly #names: string[] = [];
  readonly #makeQuickly: MakePipes;
  #refill: Promise<void> | undefined;

  private constructor(directory: string, makeQuickly: MakePipes) {
    this.#directory = directory;
    this.#makeQuickly = makeQuickly;
  }

  /** Also removes the pools of processes that died. */
  static async open(parentDirectory: string, makeQuickly: MakePipes): Promise<PipePool> {
    if (await mkdir(parentDirectory, { recursive: true, mode: 0o700 }))
      await spreadDirectories(parentDirectory);
    await removeFoldersOfTheDead(parentDirectory);
    const directory = join(parentDirectory, nameOfOwner());
    await mkdir(directory, { mode: 0o700 });
    return new PipePool(directory, makeQuickly);
  }

  /** The caller closes every descriptor. */
  async take(): Promise<StandardPipes> {
    while (this.#names.length < 3) {
      this.#refill ??= this.#makePipes().finally(() => {
        this.#refill = undefined;
      });
      await this.#refill;
    }
    const [input, output, error] = this.#names.splice(0, 3) as [string, string, string];
    return { stdin: openInput(input), stdout: openOutput(output), stderr: openOutput(error) };
  }

  async close(): Promise<void> {
    await this.#refill;
    this.#names.length = 0;
    await removeTree(this.#directory);
  }

  async #makePipes(): Promise<void> {
    const batch = randomUUID();
    const names = Array.from({ length: PIPES_PER_BATCH }, (_, index) =>
      join(this.#directory, `${batch}-${index}`),
    );
    if (!(await this.#makeQuickly(names))) {
      await run("mkfifo", ["-m", "600", "--", ...names], { env: { PATH: "/usr/bin:/bin" } });
    }
    this.#names.push(...names);
  }
}

/** The child writes. Our end is opened first and without waiting, so that neither end waits for the other. */
function openOutput(name: string): PipeEnds {
  const own = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
  const child = openSync(name, constants.O_WRONLY);
  unlinkSync(name);
  return { own, child };
}

/** The child reads. A third opening, which is reader and writer at once, lets the other two through. */
function openInput(name: string): PipeEnds {
  const both = openSync(name, constants.O_RDWR | constants.O_NONBLOCK);
  const child = openSync(name, constants.O_RDONLY);
  const own = openSync(name, constants.O_WRONLY | constants.O_NONBLOCK);
  closeSync(both);
  unlinkSync(name);
  return { own, child };
}
