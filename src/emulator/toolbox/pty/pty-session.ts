import type { PtySessionInfo } from "@daytona/toolbox-api-client";
import type { EnginePty, EngineSandbox } from "../../../engine/engine-types.ts";
import { sendSignal } from "../../../engine/processes/process-identity.ts";
import { DaemonGone } from "../daemon/toolbox-daemon.ts";
import { errorCode, goErrorText } from "../go-text.ts";
import { descendantsOf } from "../session/terminate-shell.ts";
import { daemonPath, type ToolboxCall } from "../toolbox-call.ts";
import type { PtyClient } from "./pty-client.ts";
import { killed, type PtyExit, ptyExit } from "./pty-exit.ts";
import type { PtyRequest } from "./pty-request.ts";
import { RecentOutput } from "./recent-output.ts";

// Daytona v0.190 daemon, PTY.
const frameBytes = 32 * 1024;
const queuedInputs = 1024;

const forkFailures = new Set(["ENOENT", "ENOTDIR", "EACCES", "E2BIG", "INVALID_ARGUMENT"]);

/** The shell could not be started. `message` is what the daemon says. */
export class PtyStartFailed extends Error {
  override readonly name = "PtyStartFailed";
}

/** What there is to say of a failed start; undefined when it is no such failure. */
export function startComplaint(error: unknown): string | undefined {
  // That this machine makes no PTYs is not the real daemon's to say, but must not be hidden.
  const isOurs = error instanceof Error && errorCode(error) === "PTY_UNAVAILABLE";
  return error instanceof PtyStartFailed || isOurs ? error.message : undefined;
}

/** A shell on a PTY, and the clients that look at it. */
export class PtySession {
  readonly id: string;
  readonly recentOutput = new RecentOutput();
  readonly #request: PtyRequest;
  readonly #createdAt = new Date();
  readonly #clients = new Set<PtyClient>();
  #rows: number;
  #cols: number;
  #pty: EnginePty | undefined;
  #starting: Promise<void> | undefined;
  #isActive = false;
  #waitingInputs = 0;

  constructor(request: PtyRequest) {
    this.id = request.id;
    this.#request = request;
    this.#rows = request.rows;
    this.#cols = request.cols;
  }

  get isActive(): boolean {
    return this.#isActive;
  }

  get info(): PtySessionInfo {
    const { cwd, envs, lazyStart } = this.#request;
    return {
      id: this.id,
      cwd,
      envs: { ...envs },
      cols: this.#cols,
      rows: this.#rows,
      createdAt: this.#createdAt.toISOString(),
      active: this.#isActive,
      lazyStart,
    };
  }

  /**
   * Starts the shell once, or waits until it has started.
   *
   * @param onEnd - Called when the shell has ended, before clients are told.
   * @throws PtyStartFailed
   */
  start(call: ToolboxCall, onEnd: () => void): Promise<void> {
    this.#starting ??= this.#start(call, onEnd).catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  attach(client: PtyClient): void {
    this.#clients.add(client);
  }

  detach(client: PtyClient): void {
    this.#clients.delete(client);
  }

  /** Takes what a client has typed. A promise means that too much waits to be read: no more until it resolves. */
  type(input: Buffer): Promise<void> | undefined {
    if (!this.#pty) return undefined;
    this.#waitingInputs += 1;
    const isFull = this.#waitingInputs > queuedInputs;
    const taken = this.#pty
      .write(input)
      // After the end of the PTY, of which clients are told.
      .catch(() => undefined)
      .finally(() => {
        this.#waitingInputs -= 1;
      });
    return isFull ? taken : undefined;
  }

  /** Rejects when it is not running. */
  async resize(rows: number, cols: number): Promise<void> {
    await this.#starting;
    if (!this.#isActive || !this.#pty) throw new Error("cannot resize inactive PTY session");
    this.#rows = rows;
    this.#cols = cols;
    await this.#pty.resize(rows, cols);
  }

  /** Kills the shell and all that descends from it, at once. */
  kill(): void {
    const pty = this.#pty;
    if (!this.#isActive || !pty) return;
    this.#isActive = false;
    for (const pid of descendantsOf(pty.pid)) sendSignal(pid, "SIGKILL");
    pty.kill("SIGKILL");
    pty.close();
    void this.#endClients(killed);
  }

  /** As the end of the daemon does it: the kernel hangs up. */
  hangUp(): void {
    this.#isActive = false;
    this.#pty?.close();
  }

  async #start(call: ToolboxCall, onEnd: () => void): Promise<void> {
    const shell = await call.entry.shell.shellOf(call.engine);
    const pty = await this.#open(call.engine, shell);
    if (call.daemon.gone.aborted) {
      pty.close();
      throw new DaemonGone("The daemon ended");
    }
    this.#pty = pty;
    this.#isActive = true;
    void this.#follow(pty, onEnd);
  }

  async #open(engine: EngineSandbox, shell: string): Promise<EnginePty> {
    const { cwd, envs } = this.#request;
    try {
      return await engine.openPty({
        argv: [shell, "-i", "-l"],
        cwd: daemonPath(engine, cwd),
        env: envs,
        rows: this.#rows,
        cols: this.#cols,
      });
    } catch (error) {
      if (!forkFailures.has(errorCode(error) ?? "")) throw error;
      throw new PtyStartFailed(`pty.StartWithSize: fork/exec ${shell}: ${goErrorText(error)}`);
    }
  }

  async #follow(pty: EnginePty, onEnd: () => void): Promise<void> {
    const shown = new Promise<void>((resolve) => {
      pty.output.once("close", resolve);
    });
    pty.output.on("data", (chunk: Buffer) => this.#broadcast(chunk));
    // A terminal that cannot be read has ended like any other; its program's exit tells how.
    pty.output.on("error", () => undefined);
    const [exit] = await Promise.all([pty.exited, shown]);
    if (!this.#isActive) return;
    this.#isActive = false;
    onEnd();
    await this.#endClients(ptyExit(exit));
  }

  #broadcast(output: Buffer): void {
    this.recentOutput.add(output);
    for (let from = 0; from < output.length; from += frameBytes) {
      const frame = output.subarray(from, from + frameBytes);
      for (const client of this.#clients) client.show(frame);
    }
  }

  async #endClients(exit: PtyExit): Promise<void> {
    const clients = [...this.#clients];
    this.#clients.clear();
    await Promise.all(clients.map((client) => client.end(exit)));
  }
}
