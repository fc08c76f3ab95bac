import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import type { Isolation } from "../../src/engine/engine-types.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { builtProgram } from "../helpers/built-program.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { eventually } from "./eventually.ts";
import { controlGroupsOf, mountsNaming, processesNaming } from "./host-leftovers.ts";
import { isolationsUnderTest } from "./isolations.ts";
import { runShell } from "./run-program.ts";

/** Without namespaces there is less that could be left. */
const roundsOf = (isolation: Isolation): number => {
  if (!isLongRun) return 2;
  return isolation === "namespaces" ? 200 : 60;
};
const seed = 20_260_601;
/** About as long as one turn of the script takes on a machine that is not busy. */
const longestMs = isLongRun ? 2_500 : 500;

/** Park and Miller's generator: the same kill points in every run, as far as the machine is as fast. */
function* randomNumbers(start: number): Generator<number, never> {
  let state = start;
  for (;;) {
    state = (state * 48_271) % 2_147_483_647;
    yield state / 2_147_483_647;
  }
}

/** Resolves when the host is dead, with what it was doing. */
async function workAndDie(
  directory: string,
  isolation: Isolation,
  afterMs: number,
): Promise<string> {
  const script = await builtProgram(new URL("./scripts/work-until-killed.ts", import.meta.url));
  const host = spawn(process.execPath, [script, directory, isolation], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const complaints: string[] = [];
  host.stderr.setEncoding("utf8").on("data", (text: string) => complaints.push(text));
  let said = "";
  host.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const closed = once(host, "close");
  await Promise.race([once(host.stdout, "data"), closed]);
  const timer = setTimeout(() => host.kill("SIGKILL"), afterMs);
  await closed;
  clearTimeout(timer);
  if (host.signalCode !== "SIGKILL") throw new Error(`It failed by itself: ${complaints.join("")}`);
  return said.trimEnd().split("\n").at(-1) ?? "";
}

const isolations = await isolationsUnderTest();

describe("a host that is killed anywhere in its work", () => {
  for (const { isolation, skipped, title } of isolations) {
    const rounds = roundsOf(isolation);
    test.skipIf(skipped)(
      `leaves a state that can be read and swept, isolation ${title}`,
      { timeout: 30_000 * rounds },
      async () => {
        const directory = mkdtempSync(join(tmpdir(), "engine-killed-"));
        const random = randomNumbers(seed);
        const found = {
          rounds,
          sandboxes: 0,
          snapshots: 0,
          running: 0,
          unfinished: 0,
          controlGroups: 0,
        };
        const killedIn: Record<string, number> = {};
        const warn = vi.spyOn(process, "emitWarning");
        try {
          for (let round = 0; round < rounds; round++) {
            const step = await workAndDie(directory, isolation, random.next().value * longestMs);
            killedIn[step] = (killedIn[step] ?? 0) + 1;
            const left = readdirSync(join(directory, "sandboxes"));
            const groups = left.flatMap((id) => controlGroupsOf(join(directory, "sandboxes", id)));
            const engine = await LocalEngine.open({ directory, isolation });
            const sandboxes = await engine.list();
            found.unfinished += left.length - sandboxes.length;
            for (const sandbox of sandboxes) {
              found.sandboxes += 1;
              if ((await sandbox.state()) === "running") found.running += 1;
              // Whatever the moment, it is a whole sandbox: it starts, and has what it was given.
              await sandbox.start();
              expect((await runShell(sandbox, "echo $KEPT$(id -u)")).stdout).toMatch(
                /^(yes)?\d+\n$/,
              );
              await sandbox.delete();
            }
            for (const { id } of await engine.listSnapshots()) {
              found.snapshots += 1;
              await engine.deleteSnapshot(id);
            }
            await engine.close();
            for (const kind of ["sandboxes", "snapshots", "trash", "staging", "pipes"]) {
              expect(readdirSync(join(directory, kind)), `${kind} in round ${round}`).toEqual([]);
            }
            await eventually("no process is left", () => processesNaming(directory).length === 0);
            expect(mountsNaming(directory)).toEqual([]);
            expect(groups.filter((group) => existsSync(group))).toEqual([]);
            found.controlGroups += groups.length;
          }
          expect(warn).not.toHaveBeenCalled();
        } finally {
          rmSync(directory, { recursive: true, force: true });
        }
        const counts = JSON.stringify({ seed, killedIn, ...found });
        process.stdout.write(`\nKilled hosts, isolation ${isolation}: ${counts}\n`);
      },
    );
  }
});
