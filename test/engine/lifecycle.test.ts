import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { eventually } from "./eventually.ts";
import { mountsNaming, processesNaming } from "./host-leftovers.ts";
import { isolationsUnderTest } from "./isolations.ts";
import { runProgram, runShell } from "./run-program.ts";
import { openTemporaryEngine, type TemporaryEngine } from "./temporary-engine.ts";

for (const { isolation, skipped, title } of await isolationsUnderTest()) {
  describe.skipIf(skipped)(`life of a sandbox, isolation ${title}`, () => {
    let temporary: TemporaryEngine;
    beforeAll(async () => {
      temporary = await openTemporaryEngine(isolation);
    });
    afterEach(async () => {
      for (const sandbox of await temporary.engine.list()) await sandbox.delete();
    });
    afterAll(async () => {
      await temporary[Symbol.asyncDispose]();
    });

    test("is created running, with its environment and metadata", async () => {
      const sandbox = await temporary.engine.create({
        id: "first-one",
        env: { COLOUR: "blue and\ngreen" },
        metadata: { owner: "me", ports: [1, 2] },
      });
      expect(sandbox.id).toBe("first-one");
      expect(sandbox.isolation).toBe(isolation);
      expect(await sandbox.state()).toBe("running");
      expect(sandbox.metadata).toEqual({ owner: "me", ports: [1, 2] });
      const { stdout } = await runShell(sandbox, 'printf %s "$COLOUR|$HOME"');
      expect(stdout).toBe(`blue and\ngreen|${sandbox.homeDirectory}`);
      expect((await sandbox.files.stat(sandbox.homeDirectory)).type).toBe("directory");
    });

    test("keeps its files over stop and start, and loses its processes", async () => {
      const sandbox = await temporary.engine.create();
      const file = `${sandbox.homeDirectory}/kept`;
      await sandbox.files.write(file, Buffer.from("still here"));
      const sleeper = await sandbox.spawn(["sleep", "1000"]);
      sleeper.stdout.resume();
      sleeper.stderr.resume();
      await sandbox.stop({ graceMs: 0 });
      expect(await sandbox.state()).toBe("stopped");
      expect(await sleeper.exited).toEqual({ exitCode: null, signal: "SIGKILL" });
      await expect(sandbox.spawn(["true"])).rejects.toMatchObject({ code: "SANDBOX_STOPPED" });
      await expect(sandbox.files.stat(file)).rejects.toMatchObject({ code: "SANDBOX_STOPPED" });
      await expect(sandbox.listeningPorts()).rejects.toMatchObject({ code: "SANDBOX_STOPPED" });
      await sandbox.start();
      await sandbox.start();
      expect(await sandbox.state()).toBe("running");
      expect((await runProgram(sandbox, ["cat", file])).stdout).toBe("still here");
    });

    test("lets processes end by themselves when it stops, and kills those that do not", async () => {
      const sandbox = await temporary.engine.create();
      const script = 'trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.05; done';
      const polite = await sandbox.spawn(["sh", "-c", script]);
      const stubborn = await sandbox.spawn(["sh", "-c", 'trap "" TERM; echo ready; sleep 1000']);
      const said: string[] = [];
      polite.stdout.on("data", (chunk: Buffer) => said.push(chunk.toString()));
      stubborn.stdout.on("data", (chunk: Buffer) => said.push(chunk.toString()));
      polite.stderr.resume();
      stubborn.stderr.resume();
      await eventually("both are ready", () => said.join("").split("ready").length === 3);
      const began = performance.now();
      await sandbox.stop({ graceMs: 400 });
      expect(performance.now() - began).toBeGreaterThanOrEqual(400);
      expect(await polite.exited).toEqual({ exitCode: 7, signal: null });
      expect(await stubborn.exited).toEqual({ exitCode: null, signal: "SIGKILL" });
      expect(said.join("")).toContain("bye");
    });

    test("stops at once when every process ends by itself", async () => {
      const sandbox = await temporary.engine.create();
      const began = performance.now();
      await sandbox.stop();
      expect(performance.now() - began).toBeLessThan(5_000);
    });

    test("leaves no process, mount or folder when it is deleted", async () => {
      const sandbox = await temporary.engine.create({ id: "to-be-deleted-4711" });
      const word = `word-${process.pid}-${isolation}`;
      await runShell(
        sandbox,
        `mkdir -p deep/er && chmod 000 deep/er && : > "$(printf 'a\\377b')" && ln -s / deep-link;
        exec >/dev/null 2>&1; (setsid sh -c 'sleep 1000; : ${word}' &); (exec env -i sh -c 'sleep 1000; : ${word}' &)`,
      );
      const state = join(temporary.directory, "sandboxes", sandbox.id);
      expect(existsSync(state)).toBe(true);
      await sandbox.delete();
      await sandbox.delete();
      expect(existsSync(state)).toBe(false);
      expect(readdirSync(join(temporary.directory, "sandboxes"))).toEqual([]);
      expect(readdirSync(join(temporary.directory, "trash"))).toEqual([]);
      expect(readdirSync(join(temporary.directory, "locks"))).toEqual([]);
      expect(mountsNaming(temporary.directory)).toEqual([]);
      expect(processesNaming(word)).toEqual([]);
      await expect(sandbox.state()).rejects.toMatchObject({ code: "SANDBOX_NOT_FOUND" });
      await expect(sandbox.start()).rejects.toMatchObject({ code: "SANDBOX_NOT_FOUND" });
      expect(await temporary.engine.get(sandbox.id)).toBeUndefined();
    });

    test("is found by its id, with the metadata that was set last", async () => {
      const [one, two] = await Promise.all([
        temporary.engine.create({ metadata: { number: 1 } }),
        temporary.engine.create({ metadata: { number: 2 } }),
      ]);
      await one.setMetadata({ number: 3, nested: { list: [null, "x"] } });
      const found = await temporary.engine.get(one.id);
      expect(found?.metadata).toEqual({ number: 3, nested: { list: [null, "x"] } });
      expect(one.metadata).toEqual(found?.metadata);
      const ids = (await temporary.engine.list()).map(({ id }) => id);
      expect(ids.sort()).toEqual([one.id, two.id].sort());
      expect(await temporary.engine.get("nobody-has-this")).toBeUndefined();
      expect(await temporary.engine.get("../../etc")).toBeUndefined();
    });

    test("refuses a second sandbox of the same id, and ids that are no names", async () => {
      const { engine } = temporary;
      const sandbox = await engine.create({ id: "twin" });
      await expect(engine.create({ id: "twin" })).rejects.toMatchObject({ code: "SANDBOX_EXISTS" });
      expect(await sandbox.state()).toBe("running");
      for (const id of ["", "a/b", "..", "x".repeat(65), "a b"]) {
        await expect(engine.create({ id })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      }
      await expect(engine.create({ env: { "A=B": "x" } })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
      });
      expect(await engine.list()).toHaveLength(1);
    });

    test("survives many starts and stops at once", async () => {
      const sandbox = await temporary.engine.create();
      await Promise.all([
        sandbox.stop({ graceMs: 0 }),
        sandbox.start(),
        sandbox.stop({ graceMs: 0 }),
        sandbox.start(),
        sandbox.setMetadata({ touched: true }),
      ]);
      await sandbox.start();
      expect(await sandbox.state()).toBe("running");
      expect((await runProgram(sandbox, ["echo", "fine"])).stdout).toBe("fine\n");
      expect((await temporary.engine.get(sandbox.id))?.metadata).toEqual({ touched: true });
    });

    test("closing the engine leaves sandboxes and their processes running", async () => {
      const other = await LocalEngine.open({ directory: temporary.directory, isolation });
      const sandbox = await other.create();
      const file = `${sandbox.homeDirectory}/beat`;
      await sandbox.spawn(["sh", "-c", `while :; do echo x >> ${file}; sleep 0.02; done`]);
      await other.close();
      await expect(other.list()).rejects.toMatchObject({ code: "ENGINE_CLOSED" });
      const again = await temporary.engine.get(sandbox.id);
      expect(await again?.state()).toBe("running");
      // The first look may come before the file.
      const size = async (): Promise<number> =>
        (await again?.files.stat(file).catch(() => undefined))?.sizeBytes ?? 0;
      await eventually("the process writes", async () => (await size()) > 0);
      const before = await size();
      await eventually("the process goes on", async () => (await size()) > before);
    });
  });
}
