import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mapAtOnce } from "../src/core/map-at-once.ts";
import type { LocalEngine } from "../src/engine/local-engine.ts";
import { readRecord } from "../src/engine/state/record-file.ts";
import { sandboxFolder } from "../src/engine/state/sandbox-folder.ts";
import type { SandboxRecord } from "../src/engine/state/sandbox-record.ts";
import type { Benchmark } from "./benchmark.ts";
import { withEngine } from "./local/temporary-engine.ts";
import { printTable } from "./print-table.ts";

const count = 200;
const atOnce = 4;

/** Whether a machine holds as many sandboxes as a team needs, and what each costs it. */
export const localMany: Benchmark = {
  question: `How long do ${count} local sandboxes take to make, what memory do they need, and what is left of them?`,
  async run() {
    await withEngine(async (engine, directory) => {
      const before = memoryOf(directory);
      const madeMs = await took(() =>
        mapAtOnce(Array.from({ length: count }), atOnce, () => engine.create()),
      );
      const sandboxes = await engine.list();
      if (sandboxes.length !== count) throw new Error(`There are ${sandboxes.length} sandboxes`);
      const alive = memoryOf(directory);
      const groups = await controlGroupsIn(engine);
      const usedMs = await took(() =>
        mapAtOnce(sandboxes, atOnce, async (sandbox) => {
          const child = await sandbox.spawn(["/bin/true"]);
          child.stdin.end();
          for (const output of [child.stdout, child.stderr]) output.resume();
          if ((await child.exited).exitCode !== 0) throw new Error("A command failed");
        }),
      );
      const goneMs = await took(() => mapAtOnce(sandboxes, atOnce, (sandbox) => sandbox.delete()));
      const left = memoryOf(directory);
      const perSandbox = (kib: number, kibBefore: number): string =>
        ((kib - kibBefore) / count).toFixed(0);
      console.log(`\n${count} sandboxes alive at once, ${atOnce} calls at a time\n`);
      printTable(
        ["what", "figure"],
        [
          ["all made, ms", madeMs.toFixed(0)],
          ["one command in each, ms", usedMs.toFixed(0)],
          ["all deleted, ms", goneMs.toFixed(0)],
          ["processes per sandbox", String(alive.processes / count)],
          ["their memory per sandbox, KiB (Pss)", perSandbox(alive.pssKib, before.pssKib)],
          [
            "machine's memory per sandbox, KiB",
            perSandbox(before.availableKib, alive.availableKib),
          ],
          ["processes left", String(left.processes)],
          ["mounts left", String(left.mounts)],
          ["control groups left", String(groups.filter((group) => existsSync(group)).length)],
          ["folders left", String(readdirSync(`${directory}/sandboxes`).length)],
        ],
        1,
      );
    });
  },
};

interface Memory {
  readonly processes: number;
  readonly pssKib: number;
  readonly availableKib: number;
  readonly mounts: number;
}

/** The processes that name the folder, or have a root or working directory of a sandbox in it. */
function memoryOf(directory: string): Memory {
  let processes = 0;
  let pssKib = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const text = readIfPresent(`/proc/${pid}/environ`) + readIfPresent(`/proc/${pid}/cmdline`);
    const mounts = readIfPresent(`/proc/${pid}/mountinfo`);
    if (Number(pid) === process.pid || !/sandbox.engine.holder/i.test(text)) {
      // What the first process of a sandbox waits for has the same environment.
      continue;
    }
    if (!mounts.includes(directory)) continue;
    processes += 1;
    pssKib += Number(/^Pss:\s*(\d+)/m.exec(readIfPresent(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
  }
  const available = /^MemAvailable:\s*(\d+)/m.exec(readIfPresent("/proc/meminfo"))?.[1];
  const mounts = readIfPresent("/proc/self/mountinfo")
    .split("\n")
    .filter((line) => line.includes(directory)).length;
  return { processes, pssKib, availableKib: Number(available), mounts };
}

/** Those that the records of the sandboxes name. */
async function controlGroupsIn(engine: LocalEngine): Promise<string[]> {
  const records = (await engine.ids()).map((id) =>
    readRecord<SandboxRecord>(sandboxFolder(engine.directory, id).record),
  );
  return (await Promise.all(records)).flatMap(
    (record) => record?.limits?.groups.map(({ directory }) => directory) ?? [],
  );
}

function readIfPresent(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // The process is gone.
    return "";
  }
}

async function took(run: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await run();
  return performance.now() - startMs;
}
