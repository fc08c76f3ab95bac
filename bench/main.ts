/**
 * Measurements, each beside a yardstick in the same run.
 *
 *     npm run bench              lists them
 *     npm run bench -- import    runs one
 */
import type { Benchmark } from "./benchmark.ts";
import { exec } from "./exec.ts";
import { importTime } from "./import-time.ts";
import { local } from "./local.ts";
import { localMany } from "./local-many.ts";
import { pty } from "./pty.ts";
import { setup } from "./setup.ts";
import { tti } from "./tti.ts";

const benchmarks: Readonly<Record<string, Benchmark>> = {
  exec,
  import: importTime,
  local,
  "local-many": localMany,
  pty,
  setup,
  tti,
};

const [name, ...rest] = process.argv.slice(2);
const benchmark =
  name !== undefined && Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;

if (benchmark !== undefined && rest.length === 0) {
  await benchmark.run();
} else {
  const list = Object.entries(benchmarks).map(
    ([title, { question }]) => `  ${title.padEnd(12)}${question}`,
  );
  const text = ["Usage: npm run bench -- <name>", "", ...list].join("\n");
  if (name === undefined) {
    console.log(text);
  } else {
    console.error(`There is no benchmark ${JSON.stringify([name, ...rest].join(" "))}.\n\n${text}`);
    process.exitCode = 2;
  }
}
