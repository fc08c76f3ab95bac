import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import {
  identifyProcess,
  isProcessAlive,
  signalProcess,
} from "../../src/engine/processes/process-identity.ts";
import { currentBoot, formatLock, withLock } from "../../src/engine/state/sandbox-lock.ts";
import type { SandboxRecord } from "../../src/engine/state/sandbox-record.ts";
import { recordIn } from "./host-leftovers.ts";
import { namespacesUnderTest } from "./isolations.ts";
import { openTemporaryEngine, type TemporaryEngine } from "./temporary-engine.ts";

const namespaces = await namespacesUnderTest();
let temporary: TemporaryEngine;
beforeEach(async () => {
  temporary = await openTemporaryEngine("none");
});
afterEach(async () => {
  await temporary[Symbol.asyncDispose]();
});

function recordPath(id: string): string {
  return join(temporary.directory, "sandboxes", id, "sandbox.json");
}

function readRecord(id: string): SandboxRecord {
  return recordIn(join(temporary.directory, "sandboxes", id));
}

const usesExt4 = spawnSync("stat", ["-f", "-c", "%T", tmpdir()], {
  encoding: "utf8",
}).stdout.startsWith("ext2/ext3");
const canListAttributes = spawnSync("lsattr", ["-d", tmpdir()]).status === 0;

test.skipIf(!usesExt4 || !canListAttributes)(
  "each sandbox begins in a part of the disk of its own (on ext4 alone)",
  () => {
    const staging = join(temporary.directory, "staging");
    const { stdout } = spawnSync("lsattr", ["-d", staging], { encoding: "utf8" });
    expect(stdout.split(" ")[0]).toContain("T");
  },
);

describe("a process is more than its number", () => {
  test("a PID that another process has now is neither alive nor signalled", async () => {
    const child = spawn("sleep", ["1000"], { stdio: "ignore" });
    const identity = identifyProcess(child.pid as number);
    if (!identity) throw new Error("No identity");
    const impostor = { ...identity, startTicks: String(Number(identity.startTicks) - 1) };
    const lastBoot = { ...identity, bootId: "another" };
    expect(isProcessAlive(identity)).toBe(true);
    for (const other of [impostor, lastBoot]) {
      expect(isProcessAlive(other)).toBe(false);
      signalProcess(other, "SIGKILL");
    }
    expect(isProcessAlive(identity)).toBe(true);
    signalProcess(identity, "SIGKILL");
    expect(await once(child, "exit")).toEqual([null, "SIGKILL"]);
    expect(isProcessAlive(identity)).toBe(false);
  });

  test.skipIf(namespaces.skipped)(
    `a record with somebody else's PID is a stopped sandbox, and harms nobody (${namespaces.title})`,
    async () => {
      const engine = await LocalEngine.open({ directory: temporary.directory });
      const sandbox = await engine.create();
      await sandbox.stop({ graceMs: 0 });
      const bystander = spawn("sleep", ["1000"], { stdio: "ignore" });
      const identity = identifyProcess(bystander.pid as number);
      if (!identity) throw new Error("No identity");
      const holder = { ...identity, startTicks: "1" };
      const record = { ...readRecord(sandbox.id), run: { bootId: identity.bootId, holder } };
      writeFileSync(recordPath(sandbox.id), JSON.stringify(record));
      expect(await sandbox.state()).toBe("stopped");
      await sandbox.stop();
      await sandbox.start();
      expect(await sandbox.state()).toBe("running");
      await sandbox.delete();
      expect(isProcessAlive(identity)).toBe(true);
      bystander.kill("SIGKILL");
      await once(bystander, "exit");
      await engine.close();
    },
  );

  test("a sandbox of an earlier boot is stopped, and starts with its files", async () => {
    const sandbox = await temporary.engine.create();
    await sandbox.files.write(`${sandbox.homeDirectory}/kept`, Buffer.from("x"));
    const record = readRecord(sandbox.id);
    const run = { bootId: "an-earlier-boot", holder: null };
    writeFileSync(recordPath(sandbox.id), JSON.stringify({ ...record, run }));
    expect(await sandbox.state()).toBe("stopped");
    await sandbox.start();
    expect((await sandbox.files.stat(`${sandbox.homeDirectory}/kept`)).sizeBytes).toBe(1);
  });
});

describe("locks", () => {
  test("let one in at a time, in this process and after an owner died", async () => {
    const path = join(temporary.directory, "locks", "test.lock");
    const dead = spawn("true", { stdio: "ignore" });
    const identity = identifyProcess(dead.pid as number);
    await once(dead, "exit");
    const { pid = 0, startTicks = "" } = identity ?? {};
    symlinkSync(formatLock({ pid, startTicks, boot: currentBoot(), nonce: "of-the-dead" }), path);
    let inside = 0;
    let most = 0;
    const finished = await Promise.all(
      Array.from({ length: 8 }, (_, number) =>
        withLock(path, async () => {
          inside += 1;
          most = Math.max(most, inside);
          await new Promise((resolve) => setImmediate(resolve));
          inside -= 1;
          return number;
        }),
      ),
    );
    expect(most).toBe(1);
    expect(finished).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(readdirSync(join(temporary.directory, "locks"))).toEqual([
      "test.lock.broken.of-the-dead",
    ]);
  });

  test("are released when the action fails", async () => {
    const path = join(temporary.directory, "locks", "failing.lock");
    const failing = withLock(path, () => Promise.reject(new Error("inside")));
    await expect(failing).rejects.toThrow("inside");
    expect(await withLock(path, () => Promise.resolve("next"))).toBe("next");
  });
});

describe("what is on disk", () => {
  test("is private to its owner and holds no more than the record", async () => {
    const { statSync } = await import("node:fs");
    const sandbox = await temporary.engine.create({ env: { TOKEN: "x" } });
    expect(statSync(temporary.directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(temporary.directory, "sandboxes", sandbox.id)).mode & 0o777).toBe(0o700);
    expect(statSync(recordPath(sandbox.id)).mode & 0o777).toBe(0o600);
  });

  test("what dead processes left half-made goes, and what is not ours stays", async () => {
    mkdirSync(join(temporary.directory, "sandboxes", "foreign"));
    mkdirSync(join(temporary.directory, "staging", "4194304-1-00000000-x"));
    mkdirSync(join(temporary.directory, "pipes", "4194304-1-00000000-x"));
    mkdirSync(join(temporary.directory, "trash", "gone"));
    const other = await LocalEngine.open({ directory: temporary.directory, isolation: "none" });
    const names = (folder: string): string[] => readdirSync(join(temporary.directory, folder));
    expect([names("sandboxes"), names("staging"), names("trash")]).toEqual([["foreign"], [], []]);
    expect(names("pipes")).toHaveLength(2);
    expect(await other.list()).toEqual([]);
    await other.close();
  });

  test("an unreadable record is reported by get, kept, and does not hide the others", async () => {
    const good = await temporary.engine.create();
    const bad = await temporary.engine.create();
    const text = readFileSync(recordPath(bad.id), "utf8");
    writeFileSync(recordPath(bad.id), "{");
    await expect(temporary.engine.get(bad.id)).rejects.toMatchObject({ code: "STATE_UNREADABLE" });
    const warned = once(process, "warning");
    expect((await temporary.engine.list()).map(({ id }) => id)).toEqual([good.id]);
    expect(String(await warned)).toContain(bad.id);
    const other = await LocalEngine.open({ directory: temporary.directory, isolation: "none" });
    await other.close();
    writeFileSync(recordPath(bad.id), text);
    expect((await temporary.engine.list()).map(({ id }) => id).sort()).toEqual(
      [good.id, bad.id].sort(),
    );
  });

  test("a failed creation leaves nothing", async () => {
    const broken = temporary.engine.create({ id: "x", metadata: { value: () => 1 } });
    await expect(broken).rejects.toThrow();
    expect(readdirSync(join(temporary.directory, "sandboxes"))).toEqual([]);
  });
});

test("what a dead process wrote of a snapshot's record is removed when the folder is opened", async () => {
  const { engine, directory } = temporary;
  const sandbox = await engine.create();
  await engine.createSnapshot(sandbox.id, { id: "kept" });
  const folder = join(directory, "snapshots");
  writeFileSync(
    join(folder, "other.json.8d7c2a50-9d0b-4d8e-b9a6-6a1f2a1f0c11"),
    '{"version": 1, "i',
  );
  const reopened = await LocalEngine.open({ directory, isolation: "none" });
  expect(readdirSync(folder)).toEqual(["kept.json"]);
  await reopened.close();
});
