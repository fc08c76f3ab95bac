import type { EngineSandbox } from "../src/engine/engine-types.ts";
import type { LocalEngine } from "../src/engine/local-engine.ts";
import type { Benchmark } from "./benchmark.ts";
import { bubblewrap, plainShell, runHostProgram } from "./local/run-host-program.ts";
import { withEngine } from "./local/temporary-engine.ts";
import { printTable } from "./print-table.ts";
import { median, percentile } from "./statistics.ts";

const rounds = 30;
const warmUpRounds = 3;
const snapshotRounds = 5;
const largeMiB = 1024;
/** How many times the yardstick each may take. */
const aims = { ofBubblewrap: 2.5, ofEmptySnapshot: 1.3 } as const;

type Times = Map<string, number[]>;

/** What a sandbox of this machine costs, beside the least that the operating system asks for one. */
export const local: Benchmark = {
  question:
    "How long do create, exec, snapshot, restore and teardown take, beside bwrap and a plain shell?",
  async run() {
    await withEngine(async (engine) => {
      const lives: Times = new Map();
      for (let round = -warmUpRounds; round < rounds; round++) {
        await measureLife(engine, round < 0 ? new Map() : lives);
      }
      console.log(`\n${rounds} rounds, everything in turns, one at a time; milliseconds\n`);
      const yardstick = median(lives.get("bwrap … true") ?? [Number.NaN]);
      print(lives, yardstick, "times bwrap");
      if (bubblewrap === undefined)
        console.log("\nbwrap is not installed, so nothing is beside it.");
      judge("create to first command", lives, yardstick, aims.ofBubblewrap, "bwrap");
      judge("exec", lives, yardstick, aims.ofBubblewrap, "bwrap");

      const snapshots: Times = new Map();
      const sizes = [0, largeMiB];
      const sources = new Map<number, EngineSandbox>();
      for (const sizeMiB of sizes) sources.set(sizeMiB, await sourceOf(engine, sizeMiB));
      for (let round = 0; round < snapshotRounds; round++) {
        for (const [sizeMiB, source] of sources) {
          await measureSnapshot(engine, source, sizeMiB, snapshots);
        }
      }
      console.log(`\n${snapshotRounds} rounds, files of random bytes; milliseconds\n`);
      print(snapshots, Number.NaN, undefined);
      for (const what of ["snapshot, mode stop", "restore"]) {
        const empty = median(snapshots.get(`${what}, empty`) ?? []);
        judge(`${what}, ${largeMiB} MiB`, snapshots, empty, aims.ofEmptySnapshot, "an empty one");
      }
    });
  },
};

async function measureLife(engine: LocalEngine, times: Times): Promise<void> {
  await timed(times, "sh -c true", () => runHostProgram(plainShell));
  if (bubblewrap !== undefined) {
    const argv = bubblewrap;
    await timed(times, "bwrap … true", () => runHostProgram(argv));
  }
  const sandbox = await timed(times, "create to first command", async () => {
    const created = await engine.create();
    await runTrue(created);
    return created;
  });
  await timed(times, "exec", () => runTrue(sandbox));
  await timed(times, "stop", () => sandbox.stop({ graceMs: 0 }));
  await timed(times, "start", () => sandbox.start());
  await timed(times, "teardown", () => sandbox.delete());
}

async function sourceOf(engine: LocalEngine, sizeMiB: number): Promise<EngineSandbox> {
  const sandbox = await engine.create();
  if (sizeMiB > 0) {
    await runInside(sandbox, [
      "sh",
      "-c",
      `head -c ${sizeMiB}M /dev/urandom >/workspace/large && sync /workspace/large`,
    ]);
  }
  return sandbox;
}

async function measureSnapshot(
  engine: LocalEngine,
  source: EngineSandbox,
  sizeMiB: number,
  times: Times,
): Promise<void> {
  const of = sizeMiB === 0 ? "empty" : `${sizeMiB} MiB`;
  const copy = await timed(times, `snapshot, mode copy, ${of}`, () =>
    engine.createSnapshot(source.id, { mode: "copy" }),
  );
  const stacked = await engine.create({ snapshotId: copy.id });
  if (sizeMiB > 0) await runInside(stacked, ["sh", "-c", "cp /workspace/large /workspace/again"]);
  const snapshot = await timed(times, `snapshot, mode stop, ${of}`, () =>
    engine.createSnapshot(stacked.id, { mode: "stop", graceMs: 0 }),
  );
  const restored = await timed(times, `restore, ${of}`, () =>
    engine.create({ snapshotId: snapshot.id }),
  );
  await restored.delete();
  await stacked.delete();
  await engine.deleteSnapshot(snapshot.id);
  await engine.deleteSnapshot(copy.id);
}

async function runTrue(sandbox: EngineSandbox): Promise<void> {
  await runInside(sandbox, ["/bin/true"]);
}

async function runInside(sandbox: EngineSandbox, argv: readonly string[]): Promise<void> {
  const child = await sandbox.spawn(argv);
  child.stdin.end();
  for (const output of [child.stdout, child.stderr]) output.resume();
  const { exitCode } = await child.exited;
  if (exitCode !== 0) throw new Error(`${argv.join(" ")} ended with ${String(exitCode)}`);
}

async function timed<Value>(
  times: Times,
  title: string,
  run: () => Promise<Value>,
): Promise<Value> {
  const startMs = performance.now();
  const value = await run();
  const measured = times.get(title) ?? [];
  times.set(title, measured);
  measured.push(performance.now() - startMs);
  return value;
}

function print(times: Times, yardstick: number, ratio: string | undefined): void {
  const rows = [...times].map(([title, measured]) => [
    title,
    median(measured).toFixed(1),
    percentile(measured, 95).toFixed(1),
    ...(Number.isNaN(yardstick) ? [] : [(median(measured) / yardstick).toFixed(2)]),
  ]);
  const heading = ["what", "median", "p95"];
  if (ratio !== undefined && !Number.isNaN(yardstick)) heading.push(ratio);
  printTable(heading, rows, 1);
}

function judge(title: string, times: Times, yardstick: number, aim: number, than: string): void {
  const factor = median(times.get(title) ?? [Number.NaN]) / yardstick;
  if (Number.isNaN(factor)) return;
  const verdict = factor <= aim ? "reached" : "missed";
  console.log(`${title}: ${factor.toFixed(2)} times ${than}; aim ${aim}: ${verdict}`);
}
