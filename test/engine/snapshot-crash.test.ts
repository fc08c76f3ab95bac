import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { EngineSandbox, Isolation } from "../../src/engine/engine-types.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { readProcessStat } from "../../src/engine/processes/process-identity.ts";
import { builtProgram } from "../helpers/built-program.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { until } from "../helpers/until.ts";
import { eventually } from "./eventually.ts";
import { isolationsUnderTest, namespacesUnderTest } from "./isolations.ts";
import { runShell } from "./run-program.ts";
import { openTemporaryEngine } from "./temporary-engine.ts";

const script = await builtProgram(new URL("./scripts/make-snapshot.ts", import.meta.url));
const manyFiles =
  'cd "$HOME" && echo kept >kept && mkdir many && cd many && seq 8000 | xargs touch';

function killable(directory: string, isolation: Isolation, mode: "copy" | "stop") {
  const child = spawn(process.execPath, [script, directory, isolation, mode], {
    stdio: "ignore",
  });
  return { child, ended: once(child, "exit") };
}

/** Opened anew, as after the death of a host, there is a whole snapshot or none, and the sandbox has its files. */
async function expectWhole(directory: string, isolation: Isolation): Promise<void> {
  const engine = await LocalEngine.open({ directory, isolation });
  try {
    for (const kind of ["staging", "trash"]) expect(readdirSync(join(directory, kind))).toEqual([]);
    const source = (await engine.get("source")) as EngineSandbox;
    await source.start();
    const look = 'cat "$HOME/kept"; ls "$HOME/many" | wc -l';
    expect((await runShell(source, look)).stdout).toBe("kept\n8000\n");
    const snapshots = await engine.listSnapshots();
    for (const { id } of snapshots) {
      const copy = await engine.create({ snapshotId: id });
      expect((await runShell(copy, look)).stdout).toBe("kept\n8000\n");
      await copy.delete();
      await engine.deleteSnapshot(id);
    }
    const after = await engine.createSnapshot(source.id);
    await engine.deleteSnapshot(after.id);
    await source.delete();
    expect(readdirSync(join(directory, "layers"))).toEqual([]);
  } finally {
    await engine.close();
  }
}

/** The best isolation that there is; the long run has both. */
const tried = (await isolationsUnderTest()).filter(({ skipped }) => !skipped);
for (const { isolation, title } of isLongRun ? tried : tried.slice(-1)) {
  describe(`a snapshot whose host dies, isolation ${title}`, () => {
    test("lets processes go on, and leaves nothing half made", async () => {
      await using temporary = await openTemporaryEngine(isolation);
      const { engine, directory } = temporary;
      const source = await engine.create({ id: "source" });
      await runShell(source, manyFiles);
      const sleeper = await source.spawn(["sleep", "1000"]);
      for (const stream of [sleeper.stdout, sleeper.stderr]) stream.resume();
      const stateOf = () => readProcessStat(sleeper.pid)?.state;
      const { child, ended } = killable(directory, isolation, "copy");
      await until(() => stateOf() === "T", 60_000);
      child.kill("SIGKILL");
      await ended;
      await eventually("it goes on", () => stateOf() === "S");
      // The copy ends with its host, so what it left can be removed.
      await expectWhole(directory, isolation);
    });

    test.skipIf(!isLongRun).each(["copy", "stop"] as const)(
      "at any moment, mode %s",
      async (mode) => {
        for (let index = 0; index < 25; index += 1) {
          await using temporary = await openTemporaryEngine(isolation);
          const { engine, directory } = temporary;
          await runShell(await engine.create({ id: "source" }), manyFiles);
          const { child, ended } = killable(directory, isolation, mode);
          await delay(300 + Math.random() * 700);
          child.kill("SIGKILL");
          await ended;
          await expectWhole(directory, isolation);
        }
      },
      600_000,
    );
  });
}

const { skipped, title } = await namespacesUnderTest();
describe.skipIf(skipped)(`a layer that is being given away, isolation ${title}`, () => {
  test.each(["before", "after"])("is finished when the host died %s its move", async (moment) => {
    await using temporary = await openTemporaryEngine("namespaces");
    const { engine, directory } = temporary;
    const source = await engine.create({ id: "source" });
    await runShell(source, "echo kept >/root/kept; echo own >/etc/own; echo t >/tmp/t");
    await source.stop({ graceMs: 0 });
    const path = join(directory, "sandboxes/source/sandbox.json");
    const record = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    const layerInTheMaking = { layerId: "the-layer", temporaryFiles: false };
    writeFileSync(path, JSON.stringify({ ...record, layerInTheMaking }));
    if (moment === "after") {
      renameSync(join(directory, "sandboxes/source/own"), join(directory, "layers/the-layer"));
    }
    const again = await LocalEngine.open({ directory });
    try {
      const found = await again.get("source");
      await found?.start();
      if (!found) throw new Error("It is gone");
      const { stdout } = await runShell(found, "cat /root/kept /etc/own /tmp/t");
      expect(stdout).toBe("kept\nown\nt\n");
      expect(readdirSync(join(directory, "layers"))).toEqual(
        moment === "after" ? ["the-layer"] : [],
      );
      await found.delete();
      expect(readdirSync(join(directory, "layers"))).toEqual([]);
    } finally {
      await again.close();
    }
  });
});

test("a copy that is given up leaves nothing, and its source goes on", async () => {
  await using temporary = await openTemporaryEngine("none");
  const { engine, directory } = temporary;
  const source = await engine.create({ id: "source" });
  await runShell(source, manyFiles);
  const controller = new AbortController();
  const copying = engine.createSnapshot(source.id, { signal: controller.signal });
  const staging = join(directory, "staging");
  const outcome = copying.then(
    () => "made",
    (error: Error) => error.message,
  );
  await eventually("it copies", () =>
    readdirSync(staging).some((name) => readdirSync(join(staging, name)).length > 0),
  );
  controller.abort(new Error("no more"));
  expect(await outcome).toBe("no more");
  expect(readdirSync(staging)).toEqual([]);
  expect(readdirSync(join(directory, "layers"))).toEqual([]);
  expect((await runShell(source, 'cat "$HOME/kept"')).stdout).toBe("kept\n");
});
