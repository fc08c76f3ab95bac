import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, type ExpectStatic, test } from "vitest";
import { CommandRunner } from "../../../../src/core/commands/command-runner.ts";
import { SandboxProcesses } from "../../../../src/core/processes/sandbox-processes.ts";
import type { SandboxChannel, TransportCall } from "../../../../src/core/transport.ts";
import { isLongRun } from "../../../helpers/long-run.ts";
import { until } from "../../../helpers/until.ts";
import { CommandBench, nothingRuns, read, text } from "./run-command.ts";

/** When a call is aborted: just before a request leaves, while it is answered, or just before its answer is handed over. */
type Moment = "before" | "during" | "after";

const moments: readonly Moment[] = ["before", "during", "after"];

/** A channel that aborts a signal at its n-th request, whatever kind of request that is. */
class AbortingChannel implements SandboxChannel {
  readonly reason = new Error("no more");
  readonly controller = new AbortController();
  readonly #channel: SandboxChannel;
  #armed: { readonly request: number; readonly moment: Moment } | undefined;
  #count = 0;
  #wasReached = false;

  constructor(channel: SandboxChannel) {
    this.#channel = channel;
  }

  arm(request: number, moment: Moment): void {
    this.#armed = { request, moment };
    this.#count = 0;
  }

  disarm(): void {
    this.#armed = undefined;
  }

  /** Whether there was that request. */
  get wasReached(): boolean {
    return this.#wasReached;
  }

  runScript(script: string, call: TransportCall): Promise<string> {
    return this.#pass(call, () => this.#channel.runScript(script, call));
  }

  read(path: string, range: Parameters<SandboxChannel["read"]>[1], call: TransportCall) {
    return this.#pass(call, () => this.#channel.read(path, range, call));
  }

  upload(files: Parameters<SandboxChannel["upload"]>[0], call: TransportCall): Promise<void> {
    return this.#pass(call, () => this.#channel.upload(files, call));
  }

  async #pass<Value>(call: TransportCall, request: () => Promise<Value>): Promise<Value> {
    this.#count += 1;
    const moment = this.#count === this.#armed?.request ? this.#armed.moment : undefined;
    if (moment !== undefined) this.#wasReached = true;
    const abort = (): void => this.controller.abort(this.reason);
    if (moment === "before") abort();
    call.signal.throwIfAborted();
    // Its script is on its way by then, and goes on.
    const timer = moment === "during" ? setTimeout(abort, 15) : undefined;
    try {
      return await request();
    } finally {
      clearTimeout(timer);
      if (moment === "after") abort();
    }
  }
}

interface Client extends AsyncDisposable {
  readonly bench: CommandBench;
  readonly channel: AbortingChannel;
  readonly runner: CommandRunner;
  readonly processes: SandboxProcesses;
}

async function openClient(shell: string): Promise<Client> {
  const bench = await CommandBench.open({ outer: shell, inner: shell });
  const channel = new AbortingChannel(bench.channel);
  const shellPath = await bench.channel.knownShell(shell);
  const timing = { firstAnswerSeconds: 0.1, pollSeconds: 1 };
  const runner = new CommandRunner({ channel, sandboxId: "sandbox-1", shellPath, timing });
  const processes = new SandboxProcesses(runner.context, (_operation, run) => run());
  return {
    bench,
    channel,
    runner,
    processes,
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  };
}

const aborts = new Map<string, number>();
afterAll(() => {
  const rows = [...aborts].map(([what, times]) => `${what.padEnd(24)} ${times}`);
  process.stdout.write(`\nCalls aborted at every request\n${rows.join("\n")}\n`);
});

/** Tries one request after the other until one trial is over before its request was made. */
async function atEveryRequest(
  expect: ExpectStatic,
  name: string,
  shell: string,
  trial: (client: Client, signal: AbortSignal, arm: () => void) => Promise<void>,
): Promise<void> {
  for (const moment of moments) {
    for (let request = 1; ; request++) {
      await using client = await openClient(shell);
      const arm = (): void => client.channel.arm(request, moment);
      await trial(client, client.channel.controller.signal, arm);
      if (!client.channel.wasReached) {
        expect(request).toBeGreaterThan(1);
        break;
      }
      // An answer may have come before the abort in its midst.
      if (!client.channel.controller.signal.aborted) continue;
      aborts.set(`${name} (${shell})`, (aborts.get(`${name} (${shell})`) ?? 0) + 1);
    }
  }
}

async function runs(bench: CommandBench): Promise<string> {
  return readFile(join(bench.channel.home, "count"), "utf8").catch(() => "");
}

/** The call's value, or undefined when it was rejected as its signal says. */
async function unlessAborted<Value>(
  expect: ExpectStatic,
  { channel }: Client,
  call: Promise<Value>,
): Promise<Value | undefined> {
  try {
    return await call;
  } catch (error) {
    if (!channel.controller.signal.aborted) throw error;
    expect(error).toBe(channel.reason);
    return undefined;
  }
}

const shells = isLongRun ? ["dash", "busybox", "bash"] : ["dash"];

describe.concurrent.each(shells)("aborted at every request (%s)", { timeout: 240_000 }, (shell) => {
  test("exec ends what it began", async ({ expect }) => {
    await atEveryRequest(expect, "exec", shell, async (client, signal, arm) => {
      arm();
      const request = {
        command: "echo run >>count; cat; printf '\\377'; sleep 0.4; exit 3",
        cwd: client.bench.channel.home,
        env: {},
        // Has to be uploaded, as the output has to be read from its file.
        stdin: Uint8Array.from([0, 1, 255]),
        timeoutMs: 60_000,
        maxOutputBytes: 1_000_000,
        maxLogBytes: 1_000_000,
      };
      const outcome = await unlessAborted(expect, client, client.runner.run(request, signal));
      expect(await nothingRuns(client.bench)).toBe(true);
      if (outcome === undefined) expect(["", "run\n"]).toContain(await runs(client.bench));
      else {
        expect(outcome.exitCode).toBe(3);
        expect([...outcome.stdoutBytes]).toEqual([0, 1, 255, 255]);
        expect(await runs(client.bench)).toBe("run\n");
      }
    });
  });

  test("spawn ends what it began, or gives it", async ({ expect }) => {
    await atEveryRequest(expect, "spawn", shell, async (client, signal, arm) => {
      arm();
      const options = { cwd: client.bench.channel.home, timeoutMs: 60_000 };
      const command = "echo run >>count; sleep 600";
      const child = await unlessAborted(
        expect,
        client,
        client.processes.spawn(command, options, signal),
      );
      client.channel.disarm();
      if (child !== undefined) {
        await until(async () => (await runs(client.bench)) === "run\n");
        expect(await child.kill()).toBe(true);
      }
      expect(await nothingRuns(client.bench)).toBe(true);
    });
  });

  test("kill may be asked again", async ({ expect }) => {
    await atEveryRequest(expect, "kill", shell, async (client, signal, arm) => {
      const { id, stdout } = await client.bench.spawn("echo on; sleep 600 & sleep 601");
      await stdout.getReader().read();
      const child = await client.processes.attach(id, {}, AbortSignal.timeout(20_000));
      arm();
      await child.kill(undefined, { signal }).catch((error) => expectAbortError(expect, error));
      client.channel.disarm();
      await child.kill();
      expect(await child.wait()).toMatchObject({ signal: "SIGTERM" });
      expect(await nothingRuns(client.bench)).toBe(true);
    });
  });

  test("write has written all of it, once, or nothing", async ({ expect }) => {
    const piece = Buffer.concat([Buffer.from([0]), Buffer.alloc(10_000, "x")]);
    await atEveryRequest(expect, "write", shell, async (client, signal, arm) => {
      const { id } = await client.bench.spawn("cat", { stdin: "open" });
      const child = await client.processes.attach(id, {}, AbortSignal.timeout(20_000));
      arm();
      let isWritten = true;
      await child.write(piece, { signal }).catch((error: unknown) => {
        isWritten = false;
        expectAbortError(expect, error);
      });
      client.channel.disarm();
      // A piece that was on its way is not taken back, and may come after this one.
      await child.write("|");
      await child.closeInput();
      const received = text(await read(child.stdout));
      const whole = `${text(piece)}|`;
      expect(isWritten ? [whole] : [whole, "|", `|${text(piece)}`]).toContain(received);
      expect(await nothingRuns(client.bench)).toBe(true);
    });
  });
});

function expectAbortError(expect: ExpectStatic, error: unknown): void {
  expect(error).toMatchObject({ code: "ABORTED" });
}
