import { createBackend } from "../src/create-backend.ts";
import type { DaytonaEmulator } from "../src/emulator/index.ts";
import type { Benchmark } from "./benchmark.ts";
import { printTable } from "./print-table.ts";
import { median, percentile } from "./statistics.ts";
import { startMeasuredEmulator } from "./with-sandbox.ts";

const oneAfterTheOther = 100;
const atOnce = 50;
const bigMiB = 1_024;
/** Files of a snapshot that somebody has worked in: some large ones, and many small ones. */
const largeFiles = 8;
const smallFiles = 2_000;
/** How much longer a start from the big snapshot may take than one from the empty one. */
const aim = 1.3;

interface Attempt {
  /** Undefined when it failed. */
  readonly durationMs: number | undefined;
  readonly failure: string | undefined;
}

interface Source {
  readonly title: string;
  /** Undefined for the default one. */
  readonly snapshot: string | undefined;
  readonly single: Attempt[];
  together: Attempt[];
}

/** What somebody waits for who wants a machine: from nothing to the output of a first command. */
export const tti: Benchmark = {
  question: "How long does it take from nothing to a sandbox's first command?",
  async run() {
    const { emulator, workDir } = await startMeasuredEmulator({});
    await using _emulator = emulator;
    const sizeMiB = await makeBigSnapshot(emulator, workDir, "big");
    const sources: readonly Source[] = [
      { title: "default snapshot", snapshot: undefined, single: [], together: [] },
      { title: `snapshot of ${sizeMiB} MiB`, snapshot: "big", single: [], together: [] },
    ];
    // The first one also loads the SDK.
    for (const { snapshot } of sources) await firstCommand(emulator, workDir, snapshot);
    // In turns, so that whatever else the machine does falls on both alike.
    for (let count = 0; count < oneAfterTheOther; count++) {
      for (const { snapshot, single } of count % 2 === 0 ? sources : sources.toReversed())
        single.push(await firstCommand(emulator, workDir, snapshot));
    }
    for (const source of sources) {
      const { snapshot } = source;
      source.together = await Promise.all(
        Array.from({ length: atOnce }, () => firstCommand(emulator, workDir, snapshot)),
      );
    }
    report(sources);
  },
};

/** @returns Its size, as the sandbox that it was made of counted it. */
async function makeBigSnapshot(
  { apiKey, url: apiUrl }: DaytonaEmulator,
  workDir: string | undefined,
  name: string,
): Promise<number> {
  await using backend = createBackend("daytona", { apiKey, apiUrl, workDir });
  await backend.setup();
  try {
    await backend.exec(
      [
        "mkdir -p small",
        `for file in $(seq ${largeFiles}); do head -c ${bigMiB / largeFiles}M /dev/urandom > large-$file; done`,
        `for file in $(seq ${smallFiles}); do echo "$file" > small/$file; done`,
      ].join("\n"),
      { timeoutMs: 600_000 },
    );
    const { stdout } = await backend.exec("du -sm .");
    await backend.createSnapshot(name, { timeoutMs: 600_000 });
    return Number.parseInt(stdout, 10);
  } finally {
    await backend.teardown();
  }
}

function report(sources: readonly Source[]): void {
  console.log("\nFrom nothing to the output of a first command, on the emulator, milliseconds\n");
  printTable(
    ["from", "how", "median", "p95", "p99", "failures"],
    sources.flatMap(({ title, single, together }) => [
      [title, `${oneAfterTheOther} one after the other`, ...figures(single)],
      [title, `${atOnce} at once`, ...figures(together)],
    ]),
    2,
  );
  const failures = new Set(
    sources.flatMap(({ single, together }) =>
      [...single, ...together].flatMap(({ failure }) => failure ?? []),
    ),
  );
  for (const failure of failures) console.log(failure);
  const [empty, big] = sources.map(({ single }) => timesOf(single));
  if (!empty?.length || !big?.length) {
    console.log("\nThere is nothing to compare: one of them never succeeded.");
    process.exitCode = 1;
    return;
  }
  const ratio = median(big) / median(empty);
  console.log(
    `\nOne after the other, the big snapshot takes ${ratio.toFixed(2)} times the median of the default one; the aim, at most ${aim}, is ${ratio <= aim ? "met" : "missed"}.`,
  );
}

async function firstCommand(
  { apiKey, url: apiUrl }: DaytonaEmulator,
  workDir: string | undefined,
  snapshot: string | undefined,
): Promise<Attempt> {
  await using backend = createBackend("daytona", { apiKey, apiUrl, workDir, snapshot });
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

function timesOf(attempts: readonly Attempt[]): number[] {
  return attempts.flatMap(({ durationMs }) => (durationMs === undefined ? [] : [durationMs]));
}

function figures(attempts: readonly Attempt[]): string[] {
  const timesMs = timesOf(attempts);
  const failures = String(attempts.length - timesMs.length);
  if (timesMs.length === 0) return ["-", "-", "-", failures];
  return [
    median(timesMs).toFixed(0),
    percentile(timesMs, 95).toFixed(0),
    percentile(timesMs, 99).toFixed(0),
    failures,
  ];
}
