import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Benchmark } from "./benchmark.ts";
import { measureImportMs } from "./measure-import.ts";
import { printTable } from "./print-table.ts";
import { median, percentile } from "./statistics.ts";

const rounds = 15;
const repository = join(import.meta.dirname, "..");

/** What a host app waits for when it starts, beside what it would wait for with the SDK alone. */
export const importTime: Benchmark = {
  question: "How long does loading the library take, beside loading the raw SDK?",
  async run() {
    if (!existsSync(join(repository, "dist/index.js"))) {
      throw new Error("There is no build to measure. Run: npm run build:js");
    }
    const subjects = [
      { title: "sandbox-backend", specifier: "sandbox-backend", format: "esm" },
      { title: "sandbox-backend", specifier: "sandbox-backend", format: "cjs" },
      { title: "raw SDK", specifier: "@daytonaio/sdk", format: "esm" },
      { title: "raw SDK", specifier: "@daytonaio/sdk", format: "cjs" },
    ] as const;
    const timesMs = subjects.map((): number[] => []);
    // In turns, so that a machine that is busy for a while is so for each; the first round fills the disk cache.
    for (let round = -1; round < rounds; round++) {
      for (const [index, { specifier, format }] of subjects.entries()) {
        const durationMs = await measureImportMs(specifier, format, repository);
        if (round >= 0) timesMs[index]?.push(durationMs);
      }
    }
    console.log(
      `Loading a module, ${rounds} fresh processes each, in milliseconds, without the start of Node ${process.version}\n`,
    );
    printTable(
      ["module", "format", "median", "p95"],
      subjects.map(({ title, format }, index) => {
        const times = timesMs[index] ?? [];
        return [title, format, median(times).toFixed(1), percentile(times, 95).toFixed(1)];
      }),
      2,
    );
  },
};
