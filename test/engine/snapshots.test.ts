import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { readsEveryFile } from "../helpers/capabilities.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { eventually } from "./eventually.ts";
import { mountsNaming } from "./host-leftovers.ts";
import { isolationsUnderTest } from "./isolations.ts";
import { runShell } from "./run-program.ts";
import { openTemporaryEngine, type TemporaryEngine } from "./temporary-engine.ts";

/** Only root's capabilities copy what nobody may read. */
const copiesUnreadable = readsEveryFile;

/** In a folder of its own, so that it says the same in every sandbox: kinds, modes, owners, link targets, content. */
const DESCRIBE = `cd "$HOME" && find . ! -name . -printf '%P %y %m %U:%G %l %n\\n' | LC_ALL=C sort;
  cat kept 'with blank'; cat link`;

const MAKE_FILES = `cd "$HOME" && echo one >kept && echo two >'with blank' && chmod 640 kept &&
  mkdir -m 2750 closed && echo deep >closed/deep && ln -s kept link && ln -s /nowhere dangling &&
  ln kept hard && mkfifo pipe && : >"$(printf 'a\\377b')" && mkdir empty && chmod ${copiesUnreadable ? "000" : "500"} empty`;

const isolations = await isolationsUnderTest();
const hasNamespaces = isolations.some(
  ({ isolation, skipped }) => isolation === "namespaces" && !skipped,
);

for (const { isolation, skipped, title } of isolations) {
  describe.skipIf(skipped)(`snapshots, isolation ${title}`, () => {
    // The short run has everything for the better isolation alone.
    const isShort = !isLongRun && isolation === "none" && hasNamespaces;
    let temporary: TemporaryEngine;
    beforeAll(async () => {
      temporary = await openTemporaryEngine(isolation);
    });
    afterEach(async () => {
      const { engine } = temporary;
      for (const sandbox of await engine.list()) await sandbox.delete();
      for (const { id } of await engine.listSnapshots()) await engine.deleteSnapshot(id);
      const left = ["snapshots", "layers", "staging", "trash", "locks"].map((name) =>
        readdirSync(join(temporary.directory, name)),
      );
      expect(left).toEqual([[], [], [], [], []]);
      expect(mountsNaming(temporary.directory)).toEqual([]);
    });
    afterAll(async () => {
      await temporary[Symbol.asyncDispose]();
    });

    test.each(isShort ? (["copy"] as const) : (["copy", "stop"] as const))(
      "of mode %s has every file of its source, and nothing of its later life",
      async (mode) => {
        const { engine } = temporary;
        const source = await engine.create({ id: `source-of-${mode}`, metadata: { of: "source" } });
        await runShell(source, `${MAKE_FILES}; echo gone >removed`);
        const described = await runShell(source, `rm "$HOME/removed"; ${DESCRIBE}`);
        const snapshot = await engine.createSnapshot(source.id, {
          id: "taken",
          mode,
          graceMs: 0,
          metadata: { name: "x" },
        });
        expect(snapshot).toMatchObject({ id: "taken", isolation, sourceId: source.id });
        expect(await source.state()).toBe(mode === "copy" ? "running" : "stopped");
        await source.start();
        expect(await runShell(source, DESCRIBE)).toEqual(described);
        await runShell(
          source,
          'cd "$HOME" && echo later >>kept && echo new >new && rm closed/deep',
        );

        expect(await engine.getSnapshot("taken")).toEqual(snapshot);
        expect(await engine.listSnapshots()).toEqual([snapshot]);
        const [first, second] = await Promise.all([
          engine.create({ id: `first-of-${mode}`, snapshotId: "taken" }),
          engine.create({ id: `second-of-${mode}`, snapshotId: "taken" }),
        ]);
        expect(first.metadata).toEqual({});
        expect(await runShell(first, DESCRIBE)).toEqual(described);
        await runShell(first, 'cd "$HOME" && echo mine >kept && mv closed moved && rm -r link');
        expect(await runShell(second, DESCRIBE)).toEqual(described);
        await engine.deleteSnapshot("taken");
        expect(await engine.getSnapshot("taken")).toBeUndefined();
        await second.stop({ graceMs: 0 });
        await second.start();
        expect(await runShell(second, DESCRIBE)).toEqual(described);
        const own = await runShell(first, 'cd "$HOME" && cat kept moved/deep; ls -d closed link');
        expect(own.stdout).toBe("mine\ndeep\n");
      },
    );

    test.skipIf(isShort)(
      "leaves /tmp out unless it is asked for, and gives the source its own back",
      async () => {
        const { engine } = temporary;
        const source = await engine.create();
        const tmp = isolation === "none" ? '"$TMPDIR"' : "/tmp";
        await runShell(source, `echo x >${tmp}/scratch`);
        for (const mode of ["copy", "stop"] as const) {
          const { id } = await engine.createSnapshot(source.id, { mode, graceMs: 0 });
          const copy = await engine.create({ snapshotId: id });
          const { stdout } = await runShell(copy, `ls -A ${tmp}; stat -c %a ${tmp}`);
          expect(stdout).toBe("1777\n");
        }
        await source.start();
        expect((await runShell(source, `cat ${tmp}/scratch`)).stdout).toBe("x\n");
        for (const mode of ["copy", "stop"] as const) {
          const taken = { mode, graceMs: 0, temporaryFiles: true };
          const { id } = await engine.createSnapshot(source.id, taken);
          const copy = await engine.create({ snapshotId: id });
          expect((await runShell(copy, `cat ${tmp}/scratch; stat -c %a ${tmp}`)).stdout).toBe(
            "x\n1777\n",
          );
          const { id: without } = await engine.createSnapshot(copy.id, { mode, graceMs: 0 });
          await copy.start();
          const last = await engine.create({ snapshotId: without });
          const { stdout } = await runShell(last, `ls -A ${tmp}; stat -c %a ${tmp}`);
          expect(stdout).toBe("1777\n");
          expect((await runShell(copy, `cat ${tmp}/scratch`)).stdout).toBe("x\n");
          await source.start();
        }
      },
    );

    test.skipIf(isShort)("stands still while a snapshot is made, and goes on", async () => {
      const { engine } = temporary;
      const source = await engine.create();
      // Two files that never differ by more than one: a copy of moving files would show them further apart.
      const script = `cd "$HOME"; i=0; while :; do i=$((i+1)); echo $i >>a; echo $i >>b; done`;
      const counter = await source.spawn(["sh", "-c", script]);
      const paused = await source.spawn(["sleep", "1000"]);
      for (const stream of [counter.stdout, counter.stderr, paused.stdout, paused.stderr]) {
        stream.resume();
      }
      paused.kill("SIGSTOP");
      const size = async (): Promise<number> =>
        (await source.files.stat(`${source.homeDirectory}/b`).catch(() => undefined))?.sizeBytes ??
        0;
      await eventually("it counts", async () => (await size()) > 0);
      const { id } = await engine.createSnapshot(source.id);
      const before = await size();
      await eventually("it goes on counting", async () => (await size()) > before);
      const copy = await engine.create({ snapshotId: id });
      const { stdout } = await runShell(copy, 'cd "$HOME"; tail -qn1 a b');
      const [a, b] = stdout.split("\n").map(Number);
      expect(Math.abs((a ?? 0) - (b ?? 0))).toBeLessThanOrEqual(1);
      // A process that was stopped before is not continued.
      const { stdout: states } = await runShell(source, "ps -eo stat,args | grep '[s]leep 1000'");
      expect(states).toMatch(/^T/m);
    });

    test("refuses what is taken, missing or no name", async () => {
      const { engine } = temporary;
      const source = await engine.create();
      await engine.createSnapshot(source.id, { id: "once" });
      const refusals: [() => Promise<unknown>, string][] = [
        [() => engine.createSnapshot(source.id, { id: "once", mode: "stop" }), "SNAPSHOT_EXISTS"],
        [() => engine.createSnapshot(source.id, { id: "a/b" }), "INVALID_ARGUMENT"],
        [() => engine.createSnapshot("nobody"), "SANDBOX_NOT_FOUND"],
        [() => engine.create({ snapshotId: "nothing" }), "SNAPSHOT_NOT_FOUND"],
        [() => engine.create({ snapshotId: "../x" }), "INVALID_ARGUMENT"],
        [() => engine.setSnapshotMetadata("nothing", {}), "SNAPSHOT_NOT_FOUND"],
      ];
      for (const [refused, code] of refusals)
        await expect(refused()).rejects.toMatchObject({ code });
      expect(await source.state()).toBe("running");
      await engine.setSnapshotMetadata("once", { now: 1 });
      expect((await engine.getSnapshot("once"))?.metadata).toEqual({ now: 1 });
      await engine.deleteSnapshot("nothing");
      const signal = AbortSignal.abort(new Error("no more"));
      await expect(engine.createSnapshot(source.id, { signal })).rejects.toThrow("no more");
    });

    test.skipIf(isolation === "none")(
      "carries changes of the system, and stands on many layers",
      async () => {
        const { engine } = temporary;
        const layers = isLongRun ? 60 : 4;
        let sandbox = await engine.create({ id: "layer-0" });
        await runShell(
          sandbox,
          "echo a >/etc/own; rm /usr/bin/env; mkdir /opt/own; echo 0 >/etc/hosts",
        );
        for (let number = 1; number <= layers; number += 1) {
          const id = `layer-${number}`;
          await engine.createSnapshot(sandbox.id, { id, mode: "stop", graceMs: 0 });
          await sandbox.delete();
          sandbox = await engine.create({ id, snapshotId: id });
          await runShell(
            sandbox,
            `echo ${number} >>/workspace/numbers; mv /workspace /w && mv /w /workspace`,
          );
          await engine.deleteSnapshot(id);
        }
        const { stdout } = await runShell(
          sandbox,
          "cat /etc/own /etc/hosts; ls -d /usr/bin/env /opt/own; hostname; cat /etc/hostname; tail -n1 /workspace/numbers; wc -l </workspace/numbers",
        );
        expect(stdout).toBe(
          `a\n0\n/opt/own\nlayer-${layers}\nlayer-${layers}\n${layers}\n${layers}\n`,
        );
        await sandbox.stop({ graceMs: 0 });
        await sandbox.start();
        expect((await runShell(sandbox, "cat /workspace/numbers")).stdout).toContain(`${layers}\n`);
        expect(existsSync(join(temporary.directory, "sandboxes", "layer-0"))).toBe(false);
      },
    );
  });
}
