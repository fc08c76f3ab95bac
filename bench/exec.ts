import type { DaytonaEmulator } from "../src/emulator/index.ts";
import type { Benchmark } from "./benchmark.ts";
import { printTable } from "./print-table.ts";
import { median, percentile } from "./statistics.ts";
import { type MeasuredSandbox, withSandbox } from "./with-sandbox.ts";

const rounds = 60;
const warmUpRounds = 3;
const commands = ["true", "echo hi"] as const;
const latenciesMs = [0, 80] as const;

interface Subject {
  readonly title: string;
  readonly command: string;
  readonly run: () => Promise<unknown>;
}

interface Measured {
  readonly subject: Subject;
  readonly timesMs: number[];
  requests: number;
}

/** What durability costs: a command that survives a lost connection, beside one request that does not. */
export const exec: Benchmark = {
  question: "How long does a short exec take, beside the raw SDK's executeCommand?",
  async run() {
    const rows: string[][] = [];
    for (const latencyMs of latenciesMs) {
      for (const { subject, timesMs, requests } of await measureAt(latencyMs)) {
        rows.push([
          `${latencyMs} ms`,
          subject.command,
          subject.title,
          median(timesMs).toFixed(1),
          percentile(timesMs, 95).toFixed(1),
          (requests / timesMs.length).toFixed(2),
        ]);
      }
    }
    console.log(
      `\n${rounds} calls each, one after the other and in turns, on one sandbox of the emulator in this process; milliseconds\n`,
    );
    printTable(["latency", "command", "call", "median", "p95", "requests per call"], rows, 3);
  },
};

function measureAt(latencyMs: number): Promise<readonly Measured[]> {
  return withSandbox(latencyMs, async (sandbox) => {
    const measured = subjectsOf(sandbox);
    for (let round = -warmUpRounds; round < rounds; round++) {
      // Each goes first as often as the other.
      const turn = round % 2 === 0 ? measured : measured.toReversed();
      for (const one of turn) await measure(one, sandbox.emulator, round >= 0);
    }
    return measured;
  });
}

function subjectsOf({ backend, raw }: MeasuredSandbox): readonly Measured[] {
  return commands
    .flatMap((command): Subject[] => [
      { title: "exec", command, run: () => backend.exec(command) },
      { title: "raw SDK", command, run: () => raw.process.executeCommand(command) },
    ])
    .map((subject) => ({ subject, timesMs: [], requests: 0 }));
}

async function measure(one: Measured, emulator: DaytonaEmulator, counts: boolean): Promise<void> {
  emulator.requests.clear();
  const startMs = performance.now();
  await one.subject.run();
  const durationMs = performance.now() - startMs;
  if (!counts) return;
  one.timesMs.push(durationMs);
  // The raw SDK's client tries to open its event socket from time to time, whoever's turn it is.
  const { requests } = emulator;
  one.requests += requests.count() - requests.count({ path: "/socket.io" });
}
