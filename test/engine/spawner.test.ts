import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "./eventually.ts";
import { recordIn } from "./host-leftovers.ts";
import { isolationsUnderTest } from "./isolations.ts";
import { collect, runShell } from "./run-program.ts";
import { runScript } from "./run-script.ts";
import { openTemporaryEngine, type TemporaryEngine } from "./temporary-engine.ts";

const isolations = await isolationsUnderTest();
const ownMounts = ["unshare", "--mount", "--map-root-user", "--"];
const canHidePerl = spawnSync(ownMounts[0] ?? "", [...ownMounts.slice(1), "true"]).status === 0;

/** PIDs of this process's own children that are spawners. */
function spawners(): number[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, "latin1");
  return children
    .split(" ")
    .filter((pid) => pid !== "" && readText(`/proc/${pid}/cmdline`).includes("perl\0-e"))
    .map(Number);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

describe("the spawner", () => {
  let temporary: TemporaryEngine | undefined;
  afterEach(async () => {
    await temporary?.[Symbol.asyncDispose]();
    temporary = undefined;
  });

  test("starts what the host would have started itself", async () => {
    temporary = await openTemporaryEngine("none");
    const sandbox = await temporary.engine.create({});
    const script = "ls /proc/self/fd; grep -E '^Sig(Ign|Blk)' /proc/self/status; umask; env";
    const { stdout } = await runShell(sandbox, script, { env: { LINES_TWO: "a\nb = c" } });
    const lines = stdout.split("\n");
    // The fourth is the listing's own.
    expect(lines.slice(0, 4)).toEqual(["0", "1", "2", "3"]);
    const umask = /^Umask:\s*(\d+)/m.exec(readText("/proc/self/status"))?.[1];
    expect(lines.slice(4, 7)).toEqual([
      "SigBlk:\t0000000000000000",
      "SigIgn:\t0000000000000000",
      umask,
    ]);
    expect(stdout).toContain("LINES_TWO=a\nb = c\n");
    const [spawner, ...more] = spawners();
    expect(more).toEqual([]);

    const running = await sandbox.spawn(["sleep", "1000"]);
    const parent = Number(/^PPid:\s*(\d+)/m.exec(readText(`/proc/${running.pid}/status`))?.[1]);
    expect(parent).toBe(spawner);
    await sandbox.delete();
    await Promise.all([collect(running.stdout), collect(running.stderr), running.exited]);
  });

  for (const { isolation, skipped, title } of isolations) {
    test.skipIf(skipped)(`ends with the last engine, isolation ${title}`, async () => {
      // In a process of its own: this one may have engines of other files.
      const script = new URL("./scripts/end-with-last-engine.ts", import.meta.url);
      expect(await runScript(script, [isolation])).toBe("1 0");
    });

    test.skipIf(skipped)(`killed, invents no end of a program, isolation ${title}`, async () => {
      temporary = await openTemporaryEngine(isolation);
      const sandbox = await temporary.engine.create({});
      const orphan = await sandbox.spawn(["sh", "-c", "read x; echo got $x"]);
      const pty = await sandbox.openPty({ argv: ["sleep", "1000"], rows: 24, cols: 80 });
      pty.output.resume();
      const printed = Promise.all([collect(orphan.stdout), collect(orphan.stderr)]);
      for (const spawner of spawners()) process.kill(spawner, "SIGKILL");
      await expect(orphan.exited).rejects.toMatchObject({ code: "EXIT_UNKNOWN" });
      await expect(pty.exited).rejects.toMatchObject({ code: "EXIT_UNKNOWN" });

      expect(await runShell(sandbox, "echo next; exit 3")).toMatchObject({
        stdout: "next\n",
        exitCode: 3,
      });
      expect(spawners()).toHaveLength(1);
      await sandbox.delete();
      await printed;
      await eventually("the orphan is gone", () => readText(`/proc/${orphan.pid}/stat`) === "");
    });
  }

  test.skipIf(!canHidePerl)(
    "is not needed (where perl can be hidden in mounts of its own)",
    async () => {
      const script = new URL("./scripts/without-spawner.ts", import.meta.url);
      // An empty file in the place of perl, in mounts of this one process.
      const hide = 'mount --bind /dev/null /usr/bin/perl && exec "$@"';
      const prefix = [...ownMounts, "sh", "-c", hide, "sh"];
      expect(await runScript(script, [], { prefix })).toBe("ok");
    },
  );

  test.skipIf(isolations.every(({ isolation, skipped }) => isolation === "none" || skipped))(
    "forks the keepers of sandboxes, which hold nothing open",
    async () => {
      temporary = await openTemporaryEngine("namespaces");
      await temporary.engine.create({});
      const { engine, directory } = temporary;
      const { id } = await engine.create({});
      const { run } = recordIn(join(directory, "sandboxes", id));
      const pid = run?.holder?.pid ?? Number.NaN;
      expect(readText(`/proc/${pid}/cmdline`)).toMatch(/^sandbox-engine-holder /);
      expect(readdirSync(`/proc/${pid}/fd`)).toEqual([]);
    },
  );

  test("lets the host end, and does not outlive it", async () => {
    const script = new URL("./scripts/let-host-end.ts", import.meta.url);
    const [sleeper, spawner] = (await runScript(script, [])).split(" ").map(Number);
    await eventually(
      "the spawner ends",
      () => !readText(`/proc/${spawner}/cmdline`).includes("perl"),
    );
    expect(readText(`/proc/${sleeper}/cmdline`)).toBe("sleep\x001000\0");
    process.kill(sleeper as number, "SIGKILL");
  });
});
