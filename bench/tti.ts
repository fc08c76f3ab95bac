import { createBackend } from "../src/create-backend.ts";
import type { DaytonaEmulator } from "../src/emulator/index.ts";
import type { Benchmark } from "./benchmark.ts";
import { printTable } from "./print-table.ts";
import { median, percentile } from "./statistics.ts";
import { startMeasuredEmulator } from "./with-sandbox.ts";

const oneAfterTheOther = 100;
const atOnce = 50;

interface Attempt {
  /** Undefined when it failed. */
  readonly durationMs: number | undefined;
  readonly failure: string | undefined;
}

/** What somebody waits for who wants a machine: from nothing to the output of a first command. */
export const tti: Benchmark = {
  question: "How long does it take from nothing to a sandbox's first command?",
  async run() {
    const { emulator, workDir } = await startMeasuredEmulator({});
    await using _emulator = emulator;
    const attempt = () => firstCommand(emulator, workDir);
    const single: Attempt[] = [];
    // The first one also loads the SDK.
    await attempt();
    for (let count = 0; count < oneAfterTheOther; count++) single.push(await attempt());
    const together = await Promise.all(Array.from({ length: atOnce }, attempt));
    console.log("\nFrom nothing to the output of a first command, on the emulator, milliseconds\n");
    printTable(
      ["from", "how", "median", "p95", "p99", "failures"],
      [
        ["default snapshot", `${oneAfterTheOther} one after the other`, ...figures(single)],
        ["default snapshot", `${atOnce} at once`, ...figures(together)],
      ],
      2,
    );
    for (const { failure } of [...single, ...together])
      if (failure !== undefined) console.log(failure);
  },
};

async function firstCommand(
  { apiKey, url: apiUrl }: DaytonaEmulator,
  workDir: string | undefined,
): Promise<Attempt> {
  await using backend = createBackend("daytona", { apiKey, apiUrl, workDir });
  const startMs = performance.now();
  let attempt: Attempt;
  try {
    await backend.setup();
    const { stdout } = await backend.exec("echo ready");
    const durationMs = performance.now() - startMs;
    attempt =
      stdout === "ready\n"
        ? { durationMs, failure: undefined }
        : { durationMs: undefined, failure: `It printed ${JSON.stringify(stdout)}` };
  } catch (error) {
    attempt = { durationMs: undefined, failure: String(error) };
  }
  if (backend.sandboxId !== undefined) await backend.teardown();
  return attempt;
}

function figures(attempts: readonly Attempt[]): string[] {
  const timesMs = attempts.flatMap(({ durationMs }) =>
    durationMs === undefined ? [] : [durationMs],
  );
  const failures = String(attempts.length - timesMs.length);
  if (timesMs.length === 0) return ["-", "-", "-", failures];
  return [
    median(timesMs).toFixed(0),
    percentile(timesMs, 95).toFixed(0),
    percentile(timesMs, 99).toFixed(0),
    failures,
  ];
}
