import assert from "node:assert/strict";
import type { Conformance } from "./conformance.ts";

const area = "file tree";

/** Entries of directories: listing, asking, making, removing and moving them. */
export function fileTreeCases(conformance: Conformance): void {
  listingCases(conformance);
  removingCases(conformance);
  movingCases(conformance);
}

const plantTree = `
mkdir -p sub/deeper/deepest
printf 12345 >file
chmod 640 file
: >sub/inner
: >sub/deeper/innermost
ln -s file link
ln -s missing dangling
ln -s sub linked-directory
mkfifo pipe
: >.hidden
touch -d 2001-02-03T04:05:06Z file
`;

function listingCases(conformance: Conformance): void {
  conformance.add(area, "lists all entries, sorted by path, dangling links too", async () => {
    const { backend, path } = await conformance.directory();
    await backend.exec(plantTree, { cwd: path });
    const files = await backend.listFiles(path);
    assert.deepEqual(
      files.map(({ name, path: at, type, isDir }) => ({ name, path: at, type, isDir })),
      [
        [".hidden", "file"],
        ["dangling", "symlink"],
        ["file", "file"],
        ["link", "symlink"],
        ["linked-directory", "symlink"],
        ["pipe", "other"],
        ["sub", "directory"],
      ].map(([name, type]) => ({
        name,
        path: `${path}/${name}`,
        type,
        isDir: type === "directory",
      })),
    );
    const file = files.find(({ name }) => name === "file");
    assert.equal(file?.size, 5);
    assert.equal(file?.mode, 0o640);
    assert.equal(file?.modifiedAt.toISOString(), "2001-02-03T04:05:06.000Z");
  });

  conformance.add(area, "lists as many levels as depth says, and follows no link", async () => {
    const { backend, path } = await conformance.directory();
    await backend.exec(plantTree, { cwd: path });
    const pathsAt = async (depth: number): Promise<string[]> => {
      const files = await backend.listFiles(path, { depth });
      return files
        .map((file) => file.path.slice(path.length + 1))
        .filter((at) => at.startsWith("sub"));
    };
    assert.deepEqual(await pathsAt(1), ["sub"]);
    assert.deepEqual(await pathsAt(2), ["sub", "sub/deeper", "sub/inner"]);
    const all = ["sub", "sub/deeper", "sub/deeper/deepest", "sub/deeper/innermost", "sub/inner"];
    assert.deepEqual(await pathsAt(3), all);
    assert.deepEqual(await pathsAt(20), all);
    const followed = await backend.listFiles(path, { depth: 20 });
    assert.ok(!followed.some((file) => file.path.startsWith(`${path}/linked-directory/`)));
  });

  conformance.add(area, "lists an empty directory, and 1500 entries", async () => {
    const { backend, path } = await conformance.directory();
    assert.deepEqual(await backend.listFiles(path), []);
    await backend.exec("i=0; while [ $i -lt 1500 ]; do : >entry-$i; i=$((i+1)); done", {
      cwd: path,
    });
    const names = new Set((await backend.listFiles(path)).map(({ name }) => name));
    assert.equal(names.size, 1500);
    assert.ok(names.has("entry-0") && names.has("entry-1499"));
  });

  conformance.add(area, "lists a directory through a link, and refuses a file", async () => {
    const { backend, path } = await conformance.directory();
    await backend.exec(plantTree, { cwd: path });
    const throughLink = await backend.listFiles(`${path}/linked-directory`);
    assert.deepEqual(
      throughLink.map(({ name }) => name),
      ["deeper", "inner"],
    );
    const expected = { operation: "listFiles", sandboxId: backend.sandboxId };
    const onFile = backend.listFiles(`${path}/file`);
    const error = await conformance.rejects(onFile, "FILE_ACCESS", expected);
    assert.equal(error.reason, "not-a-directory");
    await conformance.rejects(backend.listFiles(`${path}/none`), "FILE_NOT_FOUND", expected);
  });

  conformance.add(area, "tells about one entry without following a link", async () => {
    const { backend, path } = await conformance.directory();
    await backend.exec(plantTree, { cwd: path });
    const file = await backend.stat(`${path}/file`);
    assert.deepEqual(
      { ...file, modifiedAt: file.modifiedAt.toISOString() },
      {
        name: "file",
        path: `${path}/file`,
        type: "file",
        isDir: false,
        size: 5,
        mode: 0o640,
        modifiedAt: "2001-02-03T04:05:06.000Z",
      },
    );
    assert.equal((await backend.stat(`${path}/link`)).type, "symlink");
    assert.equal((await backend.stat(`${path}/dangling`)).type, "symlink");
    assert.equal((await backend.stat(path)).isDir, true);
    assert.equal((await backend.stat("/")).type, "directory");
    const error = await conformance.rejects(backend.stat(`${path}/none`), "FILE_NOT_FOUND", {
      operation: "stat",
      sandboxId: backend.sandboxId,
    });
    assert.equal(error.path, `${path}/none`);
  });

  conformance.add(area, "says whether something exists, dangling links included", async () => {
    const { backend, path } = await conformance.directory();
    await backend.exec(plantTree, { cwd: path });
    for (const name of ["file", "sub", "link", "dangling", "pipe", "sub/inner"]) {
      assert.equal(await backend.exists(`${path}/${name}`), true, name);
    }
    for (const name of ["none", "none/below", "file/below", "FILE"]) {
      assert.equal(await backend.exists(`${path}/${name}`), false, name);
    }
  });
}

function removingCases(conformance: Conformance): void {
  conformance.add(area, "makes directories with their parents, also where they are", async () => {
    const { backend, path } = await conformance.directory();
    await backend.makeDirectory(`${path}/a/b/c`);
    await backend.makeDirectory(`${path}/a/b/c`);
    assert.equal((await backend.stat(`${path}/a/b/c`)).isDir, true);
    await backend.writeFile(`${path}/file`, "");
    const onFile = backend.makeDirectory(`${path}/file`);
    const error = await conformance.rejects(onFile, "FILE_ACCESS", { operation: "makeDirectory" });
    assert.equal(error.reason, "already-exists");
  });

  conformance.add(area, "removes a file and an empty directory", async () => {
    const { backend, path } = await conformance.directory();
    await backend.writeFile(`${path}/file`, "");
    await backend.makeDirectory(`${path}/empty`);
    await backend.remove(`${path}/file`);
    await backend.remove(`${path}/empty`);
    assert.deepEqual(await backend.listFiles(path), []);
  });

  conformance.add(area, "removes a link and not what it points to", async () => {
    const { backend, path } = await conformance.directory();
    await backend.exec(plantTree, { cwd: path });
    await backend.remove(`${path}/linked-directory`, { recursive: true });
    await backend.remove(`${path}/dangling`);
    assert.equal(await backend.exists(`${path}/sub/inner`), true);
    assert.equal(await backend.exists(`${path}/dangling`), false);
  });

  conformance.add(area, "removes a full directory only when recursive", async () => {
    const { backend, path } = await conformance.directory();
    await backend.exec(plantTree, { cwd: path });
    const refused = backend.remove(`${path}/sub`);
    const error = await conformance.rejects(refused, "FILE_ACCESS", {
      operation: "remove",
      sandboxId: backend.sandboxId,
    });
    assert.equal(error.reason, "not-empty");
    assert.equal(await backend.exists(`${path}/sub/deeper/innermost`), true);
    await backend.remove(`${path}/sub`, { recursive: true });
    assert.equal(await backend.exists(`${path}/sub`), false);
  });

  conformance.add(area, "rejects for what is missing unless forced", async () => {
    const { backend, path } = await conformance.directory();
    for (const options of [{}, { recursive: true }]) {
      const missing = backend.remove(`${path}/none`, options);
      await conformance.rejects(missing, "FILE_NOT_FOUND", { operation: "remove" });
    }
    await backend.remove(`${path}/none`, { force: true });
    await backend.remove(`${path}/none/below`, { force: true, recursive: true });
    // Force is about what is missing, not about what is in a directory.
    await backend.writeFile(`${path}/full/file`, "");
    const full = backend.remove(`${path}/full`, { force: true });
    await conformance.rejects(full, "FILE_ACCESS", { operation: "remove" });
  });
}

function movingCases(conformance: Conformance): void {
  conformance.add(area, "renames files and directories, and replaces a file", async () => {
    const { backend, path } = await conformance.directory();
    await backend.writeFile(`${path}/from`, "new", { mode: 0o700 });
    await backend.writeFile(`${path}/to`, "old");
    await backend.move(`${path}/from`, `${path}/to`);
    assert.equal(await backend.readFile(`${path}/to`, { encoding: "utf8" }), "new");
    assert.equal((await backend.stat(`${path}/to`)).mode, 0o700);
    assert.equal(await backend.exists(`${path}/from`), false);
    await backend.writeFile(`${path}/tree/inner/file`, "deep");
    await backend.move(`${path}/tree`, `${path}/moved tree`);
    const moved = await backend.readFile(`${path}/moved tree/inner/file`, { encoding: "utf8" });
    assert.equal(moved, "deep");
  });

  conformance.add(area, "never moves into or over a directory", async () => {
    const { backend, path } = await conformance.directory();
    await backend.writeFile(`${path}/file`, "kept");
    await backend.makeDirectory(`${path}/empty`);
    await backend.writeFile(`${path}/full/inner`, "kept");
    for (const [source, destination] of [
      ["file", "empty"],
      ["file", "full"],
      ["empty", "full"],
      ["full", "empty"],
    ]) {
      const refused = backend.move(`${path}/${source}`, `${path}/${destination}`);
      const error = await conformance.rejects(refused, "FILE_ACCESS", { operation: "move" });
      assert.ok(
        error.reason === "is-directory" || error.reason === "already-exists",
        `reason is ${error.reason}`,
      );
    }
    const paths = (await backend.listFiles(path, { depth: 2 })).map((file) => file.path);
    assert.deepEqual(
      paths.map((at) => at.slice(path.length + 1)),
      ["empty", "file", "full", "full/inner"],
    );
  });

  conformance.add(area, "renames a link itself", async () => {
    const { backend, path } = await conformance.directory();
    await backend.exec("echo target >file; ln -s file link", { cwd: path });
    await backend.move(`${path}/link`, `${path}/renamed`);
    assert.equal((await backend.stat(`${path}/renamed`)).type, "symlink");
    assert.equal((await backend.stat(`${path}/file`)).type, "file");
  });

  conformance.add(area, "rejects to move what is missing", async () => {
    const { backend, path } = await conformance.directory();
    const missing = backend.move(`${path}/none`, `${path}/to`);
    const error = await conformance.rejects(missing, "FILE_NOT_FOUND", {
      operation: "move",
      sandboxId: backend.sandboxId,
    });
    assert.equal(error.path, `${path}/none`);
  });
}
