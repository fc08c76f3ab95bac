import type { Benchmark } from "./benchmark.ts";
import { printTable } from "./print-table.ts";
import { median, percentile } from "./statistics.ts";
import { type MeasuredSandbox, withSandbox } from "./with-sandbox.ts";

const keystrokes = 200;
const floodMiB = 32;
const latenciesMs = [0, 80] as const;

/** A terminal as a measurement sees it, whoever made it. */
interface Terminal {
  readonly title: string;
  write(data: string): Promise<void>;
  /** Bytes shown so far. */
  shown(): number;
  /** Resolves at the next output. */
  next(): Promise<void>;
  close(): Promise<void>;
}

/** What a record in the sandbox costs: a terminal that survives, beside one that lives as long as its socket. */
export const pty: Benchmark = {
  question:
    "How long does an echo take in a terminal, and how much comes through, beside the raw SDK's PTY?",
  async run() {
    const rows: string[][] = [];
    for (const latencyMs of latenciesMs) rows.push(...(await measureAt(latencyMs)));
    console.log(
      `\n${keystrokes} keystrokes in turns, then ${floodMiB} MiB, on one sandbox of the emulator in this process; milliseconds\n`,
    );
    printTable(["latency", "terminal", "echo median", "echo p95", "MiB/s"], rows, 2);
  },
};

function measureAt(latencyMs: number): Promise<string[][]> {
  return withSandbox(latencyMs, async (sandbox) => {
    const terminals = [await ours(sandbox), await raw(sandbox)];
    for (const terminal of terminals) {
      await terminal.write("stty -opost; PS1=; cat\r");
      await quiet(terminal);
    }
    const echoes = terminals.map((): number[] => []);
    for (let count = 0; count < keystrokes; count++) {
      for (const [index, terminal] of terminals.entries()) {
        echoes[index]?.push(await echo(terminal));
      }
    }
    const rates: number[] = [];
    for (const terminal of terminals) {
      await terminal.write("\u0003");
      await quiet(terminal);
      rates.push(await flood(terminal));
      await terminal.close();
    }
    return terminals.map(({ title }, index) => [
      `${latencyMs} ms`,
      title,
      median(echoes[index] ?? []).toFixed(1),
      percentile(echoes[index] ?? [], 95).toFixed(1),
      (rates[index] ?? 0).toFixed(1),
    ]);
  });
}

async function echo(terminal: Terminal): Promise<number> {
  const before = terminal.shown();
  const startMs = performance.now();
  void terminal.write("x");
  while (terminal.shown() === before) await terminal.next();
  return performance.now() - startMs;
}

async function flood(terminal: Terminal): Promise<number> {
  const bytes = floodMiB * 1024 * 1024;
  const before = terminal.shown();
  const startMs = performance.now();
  await terminal.write(`head -c ${bytes} /dev/zero | tr '\\0' y\r`);
  while (terminal.shown() - before < bytes) await terminal.next();
  return floodMiB / ((performance.now() - startMs) / 1000);
}

/** Resolves when nothing has been shown for a while. */
async function quiet(terminal: Terminal): Promise<void> {
  for (;;) {
    const before = terminal.shown();
    await new Promise((resolve) => setTimeout(resolve, 700));
    if (terminal.shown() === before && before > 0) return;
  }
}

function counter(): { add(bytes: number): void; shown(): number; next(): Promise<void> } {
  let shown = 0;
  let wake = (): void => undefined;
  return {
    add(bytes) {
      shown += bytes;
      wake();
    },
    shown: () => shown,
    next: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
  };
}

async function ours({ backend }: MeasuredSandbox): Promise<Terminal> {
  const terminal = await backend.attachPty({ rows: 24, cols: 80, command: "sh -i" });
  const count = counter();
  void (async () => {
    for await (const chunk of terminal.output) count.add(chunk.length);
  })();
  return {
    title: "attachPty, recorded",
    write: (data) => terminal.write(data),
    shown: count.shown,
    next: count.next,
    close: async () => {
      await terminal.kill();
    },
  };
}

async function raw({ raw: sandbox }: MeasuredSandbox): Promise<Terminal> {
  const count = counter();
  const handle = await sandbox.process.createPty({
    id: "bench",
    rows: 24,
    cols: 80,
    onData: (data) => count.add(data.length),
  });
  await handle.waitForConnection();
  return {
    title: "raw SDK",
    write: (data) => handle.sendInput(data),
    shown: count.shown,
    next: count.next,
    close: async () => {
      await handle.kill();
      await handle.disconnect();
    },
  };
}
