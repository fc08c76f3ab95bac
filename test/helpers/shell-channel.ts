import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdirSync } from "node:fs";
import { mkdir, mkdtemp, open, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { FileNotFoundError } from "../../src/contract/file-errors.ts";
import type {
  ByteRange,
  FileUpload,
  SandboxChannel,
  TransportCall,
} from "../../src/core/transport.ts";

/** What a test does with one request, in place of the plain sending. */
export interface ScriptHooks {
  /** Called before a script is sent; what it throws is the request's failure, and nothing runs. */
  before?: ((script: string, count: number) => void | Promise<void>) | undefined;
  /** Called with each answer; returns the answer to give, or throws the failure of a request whose script ran. */
  after?: ((answer: string, script: string, count: number) => string | Promise<string>) | undefined;
}

/** Absolute path of a program, or undefined. */
export function findProgram(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/**
 * A "sandbox" that is this machine: scripts go to the standard input of a real shell, in a process group of their own, and the
 * answer is both outputs together, decoded as UTF-8. A request that is given up does not end its script.
 */
export class ShellChannel implements SandboxChannel, AsyncDisposable {
  readonly hooks: ScriptHooks = {};
  readonly home: string;
  /** Scripts in the order in which they were sent. */
  readonly scripts: string[] = [];
  reads = 0;
  readonly #root: string;
  #shellPath: string;
  #env: Readonly<Record<string, string>>;
  readonly #running = new Set<ChildProcess>();

  private constructor(root: string, shellPath: string, env: Readonly<Record<string, string>>) {
    this.#root = root;
    this.home = join(root, "home");
    mkdirSync(this.home);
    this.#shellPath = shellPath;
    this.#env = env;
  }

  /** @param shell - `dash`, `bash`, `busybox` or `zsh`: what reads the scripts. */
  static async open(
    shell: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<ShellChannel> {
    const root = await mkdtemp(join(tmpdir(), "shell-channel-"));
    return new ShellChannel(
      root,
      await linkShell(root, shell, shell === "busybox" ? "sh" : shell),
      env,
    );
  }

  /** A link named `sh` to a shell, which makes bash and zsh behave as `sh`. */
  knownShell(shell: string): Promise<string> {
    return linkShell(this.#root, shell, "sh");
  }

  /** Changes the environment of the shells to come. */
  setEnv(env: Readonly<Record<string, string>>): void {
    this.#env = env;
  }

  /** Makes a script of the test's own the shell that reads the scripts to come. */
  async useShellScript(lines: string): Promise<void> {
    const path = join(this.#root, "shell-script");
    await writeFile(path, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
    this.#shellPath = path;
  }

  /** A search path with these programs alone. */
  async onlyPrograms(...names: readonly string[]): Promise<string> {
    const folder = join(this.#root, "programs");
    await mkdir(folder);
    for (const name of names) {
      const program = findProgram(name);
      if (program !== undefined) await symlink(program, join(folder, name));
    }
    return folder;
  }

  /** What reads the scripts. */
  get shellPath(): string {
    return this.#shellPath;
  }

  get folder(): string {
    return join(this.home, ".sandbox-backend/run");
  }

  async runScript(script: string, call: TransportCall): Promise<string> {
    call.signal.throwIfAborted();
    const count = this.scripts.push(script);
    await this.hooks.before?.(script, count);
    const answer = await this.#run(script, call.signal);
    return this.hooks.after === undefined ? answer : this.hooks.after(answer, script, count);
  }

  async read(
    path: string,
    range: ByteRange | undefined,
    call: TransportCall,
  ): ReturnType<SandboxChannel["read"]> {
    call.signal.throwIfAborted();
    this.reads++;
    const file = await open(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      throw new FileNotFoundError(`No file at ${path}.`, { path });
    });
    const { size } = await file.stat();
    const start = range?.start ?? 0;
    const end = Math.min(range?.end ?? size, size);
    let position = start;
    const stream = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const chunk = new Uint8Array(Math.min(65_536, Math.max(0, end - position)));
        const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
        if (bytesRead === 0) {
          await file.close();
          controller.close();
          return;
        }
        position += bytesRead;
        controller.enqueue(chunk.subarray(0, bytesRead));
      },
      cancel: () => file.close(),
    });
    return { sizeBytes: size, stream };
  }

  async upload(files: readonly FileUpload[], call: TransportCall): Promise<void> {
    call.signal.throwIfAborted();
    for (const { path, content } of files) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    }
  }

  /** Ends the scripts that still run and removes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#running) if (child.pid !== undefined) killGroup(child.pid);
    await rm(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }

  #run(script: string, signal: AbortSignal): Promise<string> {
    return new Promise((resolve, reject) => {
      // The first shell only joins the outputs; it becomes the second, so that process and group are one.
      const child = spawn("/bin/sh", ["-c", 'exec "$0" 2>&1', this.#shellPath], {
        detached: true,
        cwd: this.#root,
        env: { PATH: process.env.PATH, HOME: this.home, ...this.#env },
        stdio: ["pipe", "pipe", "ignore"],
      });
      const onAbort = (): void => reject(signal.reason as Error);
      this.#running.add(child);
      signal.addEventListener("abort", onAbort, { once: true });
      const chunks: Buffer[] = [];
      child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
      // A shell that ends before it has read all of the script closes its input.
      child.stdin?.on("error", () => undefined);
      child.on("error", reject);
      child.on("close", () => {
        this.#running.delete(child);
        signal.removeEventListener("abort", onAbort);
        resolve(Buffer.concat(chunks).toString("utf8"));
      });
      child.stdin?.end(script);
    });
  }
}

async function linkShell(root: string, shell: string, name: string): Promise<string> {
  const program = findProgram(shell);
  if (program === undefined) throw new Error(`There is no ${shell} on this machine.`);
  const folder = join(root, `${shell}-as-${name}`);
  await mkdir(folder, { recursive: true });
  const path = join(folder, name);
  await symlink(program, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  return path;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
