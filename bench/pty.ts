import { DaytonaTerminal } from "../src/backends/daytona/daytona-terminal.ts";
import type { Benchmark } from "./benchmark.ts";
import { printTable } from "./print-table.ts";
import { median, percentile } from "./statistics.ts";
import { type MeasuredSandbox, withSandbox } from "./with-sandbox.ts";

const keystrokes = 200;
/** Between two keystrokes, so that what one terminal does after an echo is not measured as another's. */
const pauseMs = 10;
const floodMiB = 16;
const floods = 3;
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
      `\n${keystrokes} keystrokes and ${floods} times ${floodMiB} MiB, in turns, on one sandbox of the emulator in this process; milliseconds\n`,
    );
    const columns = ["echo median", "of raw", "echo p95", "of raw", "MiB/s", "of raw"];
    printTable(["latency", "terminal", ...columns], rows, 2);
  },
};

function measureAt(latencyMs: number): Promise<string[][]> {
  return withSandbox(latencyMs, async (sandbox) => {
    const terminals = [await raw(sandbox), await unrecorded(sandbox), await recorded(sandbox)];
    for (const terminal of terminals) {
      await terminal.write("stty -opost; PS1=; cat\r");
      await quiet(terminal);
    }
    const echoes = terminals.map((): number[] => []);
    for (let count = 0; count < keystrokes; count++) {
      for (const [index, terminal] of terminals.entries()) {
        echoes[index]?.push(await echo(terminal));
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
    for (const terminal of terminals) {
      await terminal.write("\u0003");
      await quiet(terminal);
    }
    const rates = terminals.map((): number[] => []);
    for (let count = 0; count < floods; count++) {
      for (const [index, terminal] of terminals.entries()) {
        rates[index]?.push(await flood(terminal));
      }
    }
    for (const terminal of terminals) await terminal.close();
    const figures = terminals.map((_, index) => [
      median(echoes[index] ?? []),
      percentile(echoes[index] ?? [], 95),
      median(rates[index] ?? []),
    ]);
    return terminals.map(({ title }, index) => [
      `${latencyMs} ms`,
      title,
      ...(figures[index] ?? []).flatMap((figure, column) => {
        return [figure.toFixed(1), (figure / (figures[0]?.[column] ?? Number.NaN)).toFixed(2)];
      }),
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

async function recorded({ backend }: MeasuredSandbox): Promise<Terminal> {
  const terminal = await backend.attachPty({ rows: 24, cols: 80, command: "sh -i" });
  const count = counter();
  const reading = (async () => {
    for await (const chunk of terminal.output) count.add(chunk.length);
  })();
  return {
    title: "attachPty, recorded",
    write: (data) => terminal.write(data),
    shown: count.shown,
    next: count.next,
    close: async () => {
      await terminal.kill();
      await reading;
    },
  };
}

/** The connection that `attachPty` shows its record over, with a shell in it instead. */
async function unrecorded({ raw: sandbox, emulator }: MeasuredSandbox): Promise<Terminal> {
  const count = counter();
  const terminal = await DaytonaTerminal.open(
    { url: `${sandbox.toolboxProxyUrl}/${sandbox.id}`, apiKey: emulator.apiKey },
    { onOutput: (bytes) => count.add(bytes.length), onClosed: () => undefined },
    { signal: AbortSignal.timeout(60_000) },
  );
  return {
    title: "our connection, no record",
    write: (data) => terminal.send(Buffer.from(data)),
    shown: count.shown,
    next: count.next,
    close: async () => terminal.close(),
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
