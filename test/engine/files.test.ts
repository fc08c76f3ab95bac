import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EngineSandbox } from "../../src/engine/engine-types.ts";
import { isolationsUnderTest } from "./isolations.ts";
import { collect, runProgram, runShell } from "./run-program.ts";
import { openTemporaryEngine, type TemporaryEngine } from "./temporary-engine.ts";

for (const { isolation, skipped, title } of await isolationsUnderTest()) {
  describe.skipIf(skipped)(`files, isolation ${title}`, () => {
    let temporary: TemporaryEngine;
    let sandbox: EngineSandbox;
    let home: string;
    beforeAll(async () => {
      temporary = await openTemporaryEngine(isolation);
      sandbox = await temporary.engine.create();
      home = sandbox.homeDirectory;
    });
    afterAll(async () => {
      await temporary[Symbol.asyncDispose]();
    });

    async function text(path: string, range?: { start?: number; end?: number }): Promise<string> {
      const { stream } = await sandbox.files.read(path, range);
      return (await collect(stream)).toString();
    }

    test("writes and reads bytes, whole and in part", async () => {
      const path = `${home}/bytes`;
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
      expect(await sandbox.files.write(path, bytes)).toBe(256);
      const whole = await sandbox.files.read(path);
      expect(whole.sizeBytes).toBe(256);
      expect((await collect(whole.stream)).equals(bytes)).toBe(true);
      await sandbox.files.write(path, Buffer.from("0123456789"));
      expect(await text(path, { start: 3 })).toBe("3456789");
      expect(await text(path, { start: 3, end: 5 })).toBe("34");
      expect(await text(path, { end: 0 })).toBe("");
      expect(await text(path, { start: 20 })).toBe("");
      expect(await text(path, { start: 8, end: 100 })).toBe("89");
    });

    test("writes a stream, and keeps what came before it broke", async () => {
      const path = `${home}/stream`;
      const chunks = Array.from({ length: 100 }, (_, number) => Buffer.alloc(10_000, number));
      expect(await sandbox.files.write(path, Readable.from(chunks))).toBe(1_000_000);
      expect((await sandbox.files.stat(path)).sizeBytes).toBe(1_000_000);
      async function* breaking(): AsyncGenerator<Buffer> {
        yield await Promise.resolve(Buffer.from("half"));
        throw new Error("source broke");
      }
      const broken = sandbox.files.write(path, Readable.from(breaking()));
      await expect(broken).rejects.toThrow("source broke");
      expect(await text(path)).toBe("half");
    });

    test("creates with mode 644 and keeps owner and mode of what exists", async () => {
      const path = `${home}/mode`;
      await sandbox.files.write(path, Buffer.from("a"));
      expect((await sandbox.files.stat(path)).mode).toBe(0o644);
      await sandbox.files.setMode(path, 0o4751);
      expect((await sandbox.files.stat(path)).mode).toBe(0o4751);
      await sandbox.files.setMode(path, 0o700);
      await sandbox.files.write(path, Buffer.from("b"));
      expect((await sandbox.files.stat(path)).mode).toBe(0o700);
      await sandbox.files.write(path, Buffer.from("c"), { mode: 0o600 });
      const { stdout } = await runShell(sandbox, `stat -c '%a %s' ${path}; id -u`);
      expect(stdout.startsWith("600 1\n")).toBe(true);
      const info = await sandbox.files.stat(path);
      expect(`${info.uid}\n`).toBe(stdout.slice("600 1\n".length));
      await sandbox.files.setOwner(path, { uid: info.uid });
      expect(Math.abs(Date.now() - info.modifiedAt.getTime())).toBeLessThan(60_000);
    });

    test("makes, lists and removes directories", async () => {
      const directory = `${home}/tree`;
      await sandbox.files.makeDirectory(directory, { mode: 0o750 });
      expect(await sandbox.files.stat(directory)).toMatchObject({ type: "directory", mode: 0o750 });
      await expect(sandbox.files.makeDirectory(directory)).rejects.toMatchObject({
        code: "EEXIST",
      });
      const tooDeep = sandbox.files.makeDirectory(`${directory}/x/y`);
      await expect(tooDeep).rejects.toMatchObject({ code: "ENOENT" });
      await sandbox.files.makeDirectory(`${directory}/x/y/z/`, { recursive: true });
      await sandbox.files.makeDirectory(`${directory}/x/y`, { recursive: true });
      await sandbox.files.write(`${directory}/file`, Buffer.from("12345"));
      await runShell(sandbox, `cd ${directory} && ln -s missing link && mkfifo fifo`);
      const found = await sandbox.files.list(directory);
      expect(found.map(({ name, type }) => `${name}:${type}`).sort()).toEqual([
        "fifo:other",
        "file:file",
        "link:symlink",
        "x:directory",
      ]);
      expect(found.find(({ name }) => name === "file")?.sizeBytes).toBe(5);
      const inTheWay = sandbox.files.makeDirectory(`${directory}/file/sub`, { recursive: true });
      await expect(inTheWay).rejects.toMatchObject({ code: "EEXIST" });
      await expect(sandbox.files.remove(directory)).rejects.toMatchObject({ code: "ENOTEMPTY" });
      await sandbox.files.remove(`${directory}/x/y/z`);
      await sandbox.files.remove(directory, { recursive: true });
      await expect(sandbox.files.stat(directory)).rejects.toMatchObject({ code: "ENOENT" });
    });

    test("removes a link and not what it points to", async () => {
      await runShell(sandbox, "mkdir target; touch target/kept; ln -s target link", { cwd: home });
      await sandbox.files.remove(`${home}/link`, { recursive: true });
      expect((await sandbox.files.stat(`${home}/target/kept`)).type).toBe("file");
      await runShell(sandbox, "mkdir holder; ln -s ../target holder/link", { cwd: home });
      await sandbox.files.remove(`${home}/holder`, { recursive: true });
      expect((await sandbox.files.stat(`${home}/target/kept`)).type).toBe("file");
    });

    test("follows links inside the sandbox, and tells a link from its target", async () => {
      await sandbox.files.write(`${home}/original`, Buffer.from("old"));
      await runShell(
        sandbox,
        `ln -s original relative; ln -s ${home}/original absolute; ln -s loop-b loop-a; ln -s loop-a loop-b;
         ln -s new-one dangling; ln -s . here`,
        { cwd: home },
      );
      expect(await text(`${home}/relative`)).toBe("old");
      expect(await text(`${home}/here/here/absolute`)).toBe("old");
      expect((await sandbox.files.stat(`${home}/relative`)).type).toBe("file");
      const link = await sandbox.files.stat(`${home}/relative`, { followSymlinks: false });
      expect(link.type).toBe("symlink");
      await sandbox.files.write(`${home}/absolute`, Buffer.from("new"));
      expect(await text(`${home}/original`)).toBe("new");
      await sandbox.files.write(`${home}/dangling`, Buffer.from("made"));
      expect(await text(`${home}/new-one`)).toBe("made");
      await expect(sandbox.files.stat(`${home}/loop-a`)).rejects.toMatchObject({ code: "ELOOP" });
    });

    test("moves files and directories, also to another file system", async () => {
      await runShell(sandbox, "mkdir -p from/sub; echo 1 >from/sub/a; ln -s a from/sub/l", {
        cwd: home,
      });
      await sandbox.files.setMode(`${home}/from/sub/a`, 0o640);
      await sandbox.files.move(`${home}/from`, `${home}/to`);
      expect(await text(`${home}/to/sub/l`)).toBe("1\n");
      await expect(sandbox.files.stat(`${home}/from`)).rejects.toMatchObject({ code: "ENOENT" });
      await sandbox.files.write(`${home}/replaced`, Buffer.from("x"));
      await sandbox.files.move(`${home}/to/sub/a`, `${home}/replaced`);
      expect(await text(`${home}/replaced`)).toBe("1\n");
      const missing = sandbox.files.move(`${home}/nothing`, `${home}/x`);
      await expect(missing).rejects.toMatchObject({ code: "ENOENT" });
      const ontoFull = sandbox.files.move(`${home}/replaced`, `${home}/to`);
      await expect(ontoFull).rejects.toMatchObject({ code: "EISDIR" });
      if (isolation === "namespaces") {
        await sandbox.files.move(`${home}/to`, "/dev/shm/to");
        await sandbox.files.move(`${home}/replaced`, "/dev/shm/to/sub/a");
        expect(await text("/dev/shm/to/sub/l")).toBe("1\n");
        expect((await sandbox.files.stat("/dev/shm/to/sub/a")).mode).toBe(0o640);
        expect((await sandbox.files.list("/dev/shm")).map(({ name }) => name)).toEqual(["to"]);
      }
    });

    test("knows names that are not UTF-8", async () => {
      const directory = `${home}/bytes-in-names`;
      await runShell(sandbox, `mkdir ${directory}; : >"${directory}/$(printf 'a\\377b')"`);
      const [file] = await sandbox.files.list(directory);
      expect(file?.name).toBe("a\uFFFDb");
      expect(file?.nameBytes).toEqual(Buffer.from([0x61, 0xff, 0x62]));
      await sandbox.files.remove(directory, { recursive: true });
      await expect(sandbox.files.stat(directory)).rejects.toMatchObject({ code: "ENOENT" });
    });

    test("keeps blanks and newlines in names", async () => {
      const path = `${home}/ two\n lines `;
      await sandbox.files.write(path, Buffer.from("odd"));
      expect((await runProgram(sandbox, ["cat", path])).stdout).toBe("odd");
      expect((await sandbox.files.stat(path)).name).toBe(" two\n lines ");
    });

    test("fails with Node's codes and the sandbox's own path", async () => {
      await sandbox.files.write(`${home}/plain`, Buffer.from("x"));
      await runShell(sandbox, `mkfifo ${home}/pipe`);
      const { files } = sandbox;
      const failures: readonly (readonly [() => Promise<unknown>, string])[] = [
        [() => files.read(`${home}/none`), "ENOENT"],
        [() => files.read(home), "EISDIR"],
        [() => files.read(`${home}/pipe`), "EINVAL"],
        [() => files.write(home, Buffer.from("x")), "EISDIR"],
        [() => files.write(`${home}/plain/`, Buffer.from("x")), "ENOTDIR"],
        [() => files.write(`${home}/new/`, Buffer.from("x")), "EISDIR"],
        [() => files.write(`${home}/none/x`, Buffer.from("x")), "ENOENT"],
        [() => files.write(`${home}/plain/x`, Buffer.from("x")), "ENOTDIR"],
        [() => files.write(`${home}/${"x".repeat(256)}`, Buffer.from("x")), "ENAMETOOLONG"],
        [() => files.list(`${home}/plain`), "ENOTDIR"],
        [() => files.stat(`${home}/plain/`), "ENOTDIR"],
        [() => files.stat("relative"), "EINVAL"],
        [() => files.stat(`${home}/a\0b`), "EINVAL"],
        [() => files.remove(`${home}/none`), "ENOENT"],
      ];
      for (const [failure, code] of failures) {
        const error: unknown = await failure().then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error).toMatchObject({ code });
        const { message } = error as Error;
        expect(message).not.toContain("/proc/self/fd");
        if (isolation === "namespaces") expect(message).not.toContain(temporary.directory);
      }
    });

    test("does not let a link or `..` lead out of the sandbox", async () => {
      await runShell(
        sandbox,
        "ln -s / root; ln -s ../../../../../../../../../../../etc up; ln -s /etc/hostname name",
        { cwd: home },
      );
      const { files } = sandbox;
      if (isolation === "none") {
        const outside = ["/etc/passwd", "/", "/tmp", `${home}/root/etc`, `${home}/up`];
        for (const path of [...outside, `${home}/name`, `${home}/../../../sandbox.json`]) {
          await expect(files.stat(path)).rejects.toMatchObject({ code: "EACCES" });
          await expect(files.write(path, Buffer.from("x"))).rejects.toMatchObject({
            code: "EACCES",
          });
        }
        return;
      }
      expect(await text(`${home}/name`)).toBe(`${sandbox.id}\n`);
      expect(await text(`${home}/root/etc/hostname`)).toBe(`${sandbox.id}\n`);
      expect(await text(`${home}/up/hostname`)).toBe(`${sandbox.id}\n`);
      expect(await text("/../../../../etc/hostname")).toBe(`${sandbox.id}\n`);
      const hostOnly = files.stat(temporary.directory);
      await expect(hostOnly).rejects.toMatchObject({ code: "ENOENT" });
      const magic = files.stat(`/proc/1/root${temporary.directory}`);
      await expect(magic).rejects.toMatchObject({ code: "ENOENT" });
    });

    test("closes everything it opens", async () => {
      const count = async (): Promise<number> =>
        (await import("node:fs")).readdirSync("/proc/self/fd").length;
      await sandbox.files.stat(home);
      const before = await count();
      for (let round = 0; round < 5; round += 1) {
        await sandbox.files.write(`${home}/closed`, Buffer.from("x"));
        await text(`${home}/closed`);
        await sandbox.files.list(home);
        await sandbox.files.stat(`${home}/none/none`).catch(() => undefined);
        await sandbox.files.read(home).catch(() => undefined);
        await sandbox.files.read(`${home}/closed`, { start: 1, end: 1 });
      }
      expect(await count()).toBeLessThanOrEqual(before);
    });
  });
}
