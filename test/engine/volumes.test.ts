import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { namespacesUnderTest } from "./isolations.ts";
import { runShell } from "./run-program.ts";
import { openTemporaryEngine, type TemporaryEngine } from "./temporary-engine.ts";

const { skipped, title } = await namespacesUnderTest();

describe.skipIf(skipped)(`volumes with ${title}`, () => {
  let temporary: TemporaryEngine;
  beforeAll(async () => {
    temporary = await openTemporaryEngine("namespaces");
  });
  afterAll(async () => {
    await temporary[Symbol.asyncDispose]();
  });

  test("two sandboxes share a volume, and its files outlive both", async () => {
    const { engine } = temporary;
    const volume = await engine.volumes.create("shared", { purpose: "test" });
    const whole = { source: volume.directory, target: "/data/with space" };
    const one = await engine.create({ mounts: [whole] });
    const part = { source: volume.directory, target: "/opt/part", subpath: "a/b" };
    const two = await engine.create({ mounts: [part] });
    const write = await runShell(
      one,
      'cd "/data/with space" && mkdir -p a/b && echo hello >a/b/file',
    );
    expect(write).toMatchObject({ exitCode: 0, stderr: "" });
    expect((await runShell(two, "cat /opt/part/file; ls -A /opt/part/..")).stdout).toMatch(
      /^hello\n/,
    );
    expect((await two.files.stat("/opt/part/file")).sizeBytes).toBe(6);
    await two.files.write("/opt/part/other", Buffer.from("other"));
    expect((await runShell(one, 'cat "/data/with space/a/b/other"')).stdout).toBe("other");

    await one.stop({ graceMs: 0 });
    await one.start();
    expect((await runShell(one, 'cat "/data/with space/a/b/file"')).stdout).toBe("hello\n");
    await Promise.all([one.delete(), two.delete()]);
    expect(await readFile(join(volume.directory, "a/b/file"), "utf8")).toBe("hello\n");
    expect(await engine.volumes.get("shared")).toEqual({
      ...volume,
      metadata: { purpose: "test" },
    });
    await engine.volumes.remove("shared");
    await engine.volumes.remove("shared");
    expect(await engine.volumes.list()).toEqual([]);
  });

  test("no link of a sandbox leads a mount elsewhere", async () => {
    const { engine, directory } = temporary;
    await writeFile(join(directory, "secret"), "secret");
    const volume = await engine.volumes.create("linked");
    const mount = { source: volume.directory, target: "/data" };
    const writer = await engine.create({ mounts: [mount] });
    await runShell(writer, `ln -s ${directory} /data/out && ln -s /etc /data/etc`);
    await writer.delete();
    for (const subpath of ["out", "etc", "out/deeper"]) {
      await expect(engine.create({ mounts: [{ ...mount, subpath }] })).rejects.toThrow();
    }
    // A target that a sandbox made a link of is found out at the next start.
    const sandbox = await engine.create({ mounts: [{ ...mount, target: "/srv/deep/data" }] });
    await runShell(sandbox, "umount /srv/deep/data; mv /srv/deep /srv/old; ln -s /etc /srv/deep");
    await sandbox.stop({ graceMs: 0 });
    await expect(sandbox.start()).rejects.toMatchObject({ code: "SANDBOX_START_FAILED" });
    await sandbox.delete();
    expect(await readFile(join(directory, "secret"), "utf8")).toBe("secret");
    await engine.volumes.remove("linked");
  });

  test.each([
    ["a relative target", { target: "data" }],
    ["the root", { target: "/" }],
    ["a target with dots", { target: "/data/../etc" }],
    ["a place of the engine", { target: "/dev/shm/x" }],
    ["a subpath with dots", { target: "/data", subpath: "../x" }],
    ["an absolute subpath", { target: "/data", subpath: "/x" }],
    ["a missing source", { target: "/data", source: "/no/such/directory" }],
  ])("%s is refused", async (_, mount) => {
    const { engine, directory } = temporary;
    const mounts = [{ source: directory, ...mount }];
    await expect(engine.create({ mounts })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await engine.ids()).toEqual([]);
  });

  test("one mount in another is refused", async () => {
    const { engine, directory } = temporary;
    const mounts = ["/data", "/data/in"].map((target) => ({ source: directory, target }));
    await expect(engine.create({ mounts })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("an id is taken once, and must be one", async () => {
    const { volumes } = temporary.engine;
    await volumes.create("taken");
    await expect(volumes.create("taken")).rejects.toMatchObject({ code: "VOLUME_EXISTS" });
    await expect(volumes.create("a/b")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await volumes.get("../taken")).toBeUndefined();
    await volumes.setMetadata("taken", { more: 1 });
    expect((await volumes.get("taken"))?.metadata).toEqual({ more: 1 });
    await volumes.remove("taken");
  });
});

test("without isolation nothing is mounted", async () => {
  await using temporary = await openTemporaryEngine("none");
  const { engine, directory } = temporary;
  const mounts = [{ source: directory, target: "/data" }];
  await expect(engine.create({ mounts })).rejects.toMatchObject({ code: "MOUNTS_UNAVAILABLE" });
  expect(await engine.ids()).toEqual([]);
});
