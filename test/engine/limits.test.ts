import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { EngineSandbox } from "../../src/engine/engine-types.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { controlGroupsNaming } from "./control-groups.ts";
import { eventually } from "./eventually.ts";
import { recordIn } from "./host-leftovers.ts";
import { namespacesUnderTest } from "./isolations.ts";
import { runShell } from "./run-program.ts";
import { openTemporaryEngine, type TemporaryEngine } from "./temporary-engine.ts";

const MEBIBYTE = 1024 * 1024;
const PROCESSES = 64;

const { isolation, skipped, title } = await namespacesUnderTest();
const mechanisms = skipped ? undefined : await LocalEngine.limits();

/** For the name of a test: by what it is limited, or why it is skipped. */
function how(name: "processes" | "memory" | "cpus"): { skip: boolean; how: string } {
  const mechanism = mechanisms?.[name] ?? "none";
  if (mechanism === "none") return { skip: true, how: `skipped: nothing limits it here` };
  return { skip: false, how: mechanism };
}

function markerOf({ directory }: TemporaryEngine, { id }: EngineSandbox): string {
  return recordIn(join(directory, "sandboxes", id)).marker;
}

/** Processes of the machine that are in the same PID namespace as this one, zombies among them. */
function countNeighbours(pid: number): number {
  const namespaceOf = (name: string): string | undefined => {
    try {
      return readlinkSync(`/proc/${name}/ns/pid`);
    } catch {
      return undefined;
    }
  };
  const namespace = namespaceOf(String(pid));
  return readdirSync("/proc").filter(
    (name) => /^\d+$/.test(name) && namespaceOf(name) === namespace,
  ).length;
}

describe(`limits, isolation ${title}`, () => {
  const processes = how("processes");
  test.skipIf(skipped || processes.skip)(
    `a fork storm is bounded, and the host goes on (${processes.how})`,
    async () => {
      await using temporary = await openTemporaryEngine(isolation);
      const { engine } = temporary;
      const limits = {
        processes: PROCESSES,
        ...(how("memory").skip ? {} : { memoryBytes: 512 * MEBIBYTE }),
        ...(how("cpus").skip ? {} : { cpus: 0.5 }),
      };
      const sandbox = await engine.create({ limits });
      const other = await engine.create();
      const marker = markerOf(temporary, sandbox);

      // Children that wait, as many as there can be.
      const crowd = await sandbox.spawn([
        "perl",
        "-e",
        "$| = 1; for (1 .. 200) { my $pid = fork; last unless defined $pid; if (!$pid) { sleep 1000; exit } } print 'full'; sleep 1000",
      ]);
      crowd.stderr.resume();
      await new Promise((resolve) => crowd.stdout.once("data", resolve));
      const count = countNeighbours(crowd.pid);
      expect(count).toBeGreaterThan(PROCESSES / 2);
      expect(count).toBeLessThanOrEqual(PROCESSES);
      if (processes.how !== "rlimit") {
        await expect(runShell(sandbox, "true")).rejects.toMatchObject({
          name: "EngineError",
          code: "LIMIT_REACHED",
        });
      }
      // Its files can be looked at all the same, and it can be stopped and started.
      expect((await sandbox.files.stat("/etc/passwd")).type).toBe("file");
      expect((await runShell(other, "echo unharmed")).stdout).toBe("unharmed\n");
      await sandbox.stop({ graceMs: 0 });
      await sandbox.start();
      expect((await runShell(sandbox, "echo again")).stdout).toBe("again\n");

      // Children that only have children.
      const storm = await sandbox.spawn(["perl", "-e", "fork while 1"]);
      for (const stream of [storm.stdout, storm.stderr]) stream.resume();
      await eventually("the storm is there", () => countNeighbours(storm.pid) > PROCESSES / 2);
      for (let look = 0; look < 20; look++) {
        expect(countNeighbours(storm.pid)).toBeLessThanOrEqual(PROCESSES);
        expect((await runShell(other, "echo unharmed")).stdout).toBe("unharmed\n");
      }
      await sandbox.delete();
      expect(await engine.get(sandbox.id)).toBeUndefined();
      expect(controlGroupsNaming(marker)).toEqual([]);
      await storm.exited;
    },
  );

  const memory = how("memory");
  test.skipIf(skipped || memory.skip)(
    `a memory hog is ended, and its sandbox goes on (${memory.how})`,
    async () => {
      await using temporary = await openTemporaryEngine(isolation);
      const { engine } = temporary;
      const sandbox = await engine.create({ limits: { memoryBytes: 64 * MEBIBYTE } });
      const hog = await runShell(
        sandbox,
        'exec perl -e \'my @all; push @all, "x" x 1e6 for 1 .. 300; print "survived"\'',
      );
      expect(hog).toMatchObject({ exitCode: null, signal: "SIGKILL", stdout: "" });
      // What is kept in shared memory counts, too.
      const fill = "head -c 300000000 /dev/zero >$0/file; echo $?; stat -c %s $0/file; rm $0/file";
      for (const [place, mebibytes] of [
        ["/dev/shm", 32],
        ["/run", 8],
      ] as const) {
        const { stdout } = await runShell(
          sandbox,
          `set -- ${place}; ${fill.replaceAll("$0", "$1")}`,
        );
        expect(stdout).toBe(`1\n${mebibytes * MEBIBYTE}\n`);
      }
      expect((await runShell(sandbox, "echo again")).stdout).toBe("again\n");
      const marker = markerOf(temporary, sandbox);
      expect(controlGroupsNaming(marker)).not.toEqual([]);
      await sandbox.stop({ graceMs: 0 });
      expect(controlGroupsNaming(marker)).toEqual([]);
    },
  );

  const cpus = how("cpus");
  test.skipIf(skipped || cpus.skip)(`processor time is shared out (${cpus.how})`, async () => {
    await using temporary = await openTemporaryEngine(isolation);
    const sandbox = await temporary.engine.create({ limits: { cpus: 0.1 } });
    const burn = "my $end = time + 2; 1 while time < $end; print ((times)[0])";
    const { stdout } = await runShell(sandbox, `exec perl -e '${burn}'`);
    // Alone on a processor it would use between one second and two.
    expect(Number(stdout)).toBeGreaterThan(0);
    expect(Number(stdout)).toBeLessThan(0.6);
  });

  test.skipIf(skipped || processes.skip || processes.how === "rlimit")(
    "groups that a sandbox makes below its own end with it, and lead to no higher limit",
    async () => {
      await using temporary = await openTemporaryEngine(isolation);
      const sandbox = await temporary.engine.create({ limits: { processes: PROCESSES } });
      const marker = markerOf(temporary, sandbox);
      const type = processes.how === "cgroup-v2" ? "cgroup2" : "cgroup -o pids";
      const script = `mount -t ${type} none /mnt && mkdir -p /mnt/own/inner && cd /mnt && cat pids.max && ls -d own/inner`;
      const made = await runShell(
        sandbox,
        `unshare --user --map-root-user --mount --cgroup sh -c '${script}'`,
      );
      // Nothing where the kernel lets no sandbox mount them.
      expect(["", "max\nown/inner\n"]).toContain(made.stdout);
      await sandbox.delete();
      expect(controlGroupsNaming(marker)).toEqual([]);
    },
  );

  test.skipIf(skipped)("what is out of range is refused, with nothing left", async () => {
    await using temporary = await openTemporaryEngine(isolation);
    const { engine, directory } = temporary;
    for (const limits of [
      { processes: 15 },
      { memoryBytes: 1 },
      { cpus: 0 },
      { cpus: Number.NaN },
    ]) {
      await expect(engine.create({ limits })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    expect(readdirSync(join(directory, "sandboxes"))).toEqual([]);
  });
});

test("without isolation no limit is accepted", async () => {
  await using temporary = await openTemporaryEngine("none");
  for (const limits of [{ processes: 64 }, { memoryBytes: 64 * MEBIBYTE }, { cpus: 1 }]) {
    await expect(temporary.engine.create({ limits })).rejects.toMatchObject({
      name: "EngineError",
      code: "LIMITS_UNAVAILABLE",
    });
  }
  expect(readdirSync(join(temporary.directory, "sandboxes"))).toEqual([]);
});
