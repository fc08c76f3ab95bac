import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "vitest";
import { isLongRun } from "../../helpers/long-run.ts";
import { processesOf } from "../../helpers/processes-of.ts";
import { until } from "../../helpers/until.ts";

const program = join(import.meta.dirname, "../../../examples/branch-sandboxes/main.ts");
/** Lets the example import this library's sources instead of a build of them. */
const tsconfig = join(import.meta.dirname, "../../browser/tsconfig.json");

/** Runs the example on an emulator of its own, and interrupts it as soon as it has printed `interruptAt`. */
async function runExample(args: readonly string[], interruptAt?: string) {
  const child = spawn(
    process.execPath,
    ["--import", import.meta.resolve("tsx"), program, ...args],
    {
      env: { ...process.env, DAYTONA_API_KEY: "", TSX_TSCONFIG_PATH: tsconfig },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
  }
  const closed = once(child, "close");
  if (interruptAt !== undefined) {
    await until(() => printed.includes(interruptAt) || child.exitCode !== null, timeoutMs);
    child.kill("SIGINT");
  }
  const [exitCode] = (await closed) as [number | null];
  const rows = printed.split("\n").map((line) => line.trim().split(/ {2,}/));
  const row = (branchName: string) => rows.find(([first]) => first === branchName) ?? [];
  const ids = [...printed.matchAll(/sandbox ([0-9a-f-]{36}) is ready/g)].map(([, id = ""]) => id);
  return { exitCode, printed, row, ids };
}

// A process of its own that loads all sources, an emulator, and several sandboxes.
const timeoutMs = 240_000;

test("the example works on branches side by side, and leaves nothing", {
  timeout: timeoutMs,
}, async ({ expect }) => {
  const { exitCode, printed, row, ids } = await runExample(["--branches", "main,broken-greeting"]);
  expect({ exitCode, printed }).toMatchObject({ exitCode: 0 });
  const shared = [
    expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    expect.stringMatching(/^[a-z0-9]+$/i),
  ];
  const time = expect.stringMatching(/ s$/);
  const id = expect.stringMatching(/^[0-9a-f-]{13}$/);
  expect(row("main")).toEqual(["main", id, ...shared, "1", "2 of 2 passed", time, "yes"]);
  const failed = "FAILED: ./test.sh (1)";
  expect(row("broken-greeting")).toEqual([
    "broken-greeting",
    id,
    ...shared,
    "2",
    failed,
    time,
    "yes",
  ]);
  expect(printed).toContain('its agent says {"branch":"broken-greeting"');
  expect(printed).toContain("0 sandboxes are left at the emulator.");
  expect(ids).toHaveLength(2);
  for (const sandboxId of ids) expect(await processesOf(sandboxId)).toEqual([]);
});

test.runIf(isLongRun)(
  "Ctrl-C in the midst of it tears everything down",
  { timeout: timeoutMs },
  async ({ expect }) => {
    const { exitCode, printed, row } = await runExample([], "is ready");
    expect(exitCode).toBe(1);
    for (const branchName of ["main", "feature/louder", "new-greeting", "broken-greeting"])
      expect(row(branchName).at(-1)).toBe("yes");
    expect(printed).toContain("ABORTED");
    expect(printed).toContain("0 sandboxes are left at the emulator.");
  },
);
