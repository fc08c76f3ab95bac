import assert from "node:assert/strict";
import type { Conformance } from "./conformance.ts";
import { inGroups } from "./in-groups.ts";

const area = "file names";
const difficultNames = [
  "two words",
  " leading blank",
  "trailing blank ",
  "  ",
  "it's",
  'say "hi"',
  "$(touch injected)",
  "`touch injected`",
  "${HOME}",
  "new\nline",
  "newline at the end\n",
  "\ttab",
  "carriage\rreturn",
  "-dash",
  "--help",
  "*",
  "[a]",
  "~",
  "#hash",
  "back\\slash",
  "per%20cent",
  "question?mark=1&more",
  "semi;colon",
  "a:b",
  "...",
  "é",
  "e\u0301",
  "漢字 🚀",
  "x".repeat(200),
];

const mostDifficultNames = [
  " leading blank",
  "trailing blank ",
  "it's",
  "$(touch injected)",
  "newline at the end\n",
  "-dash",
  "*",
  "漢字 🚀",
];

/** Names that a shell, a URL or a trim would change. */
export function fileNameCases(conformance: Conformance): void {
  conformance.add(area, "writes, lists, reads and asks for difficult names", async () => {
    const { backend, path } = await conformance.directory();
    await backend.writeFiles(
      difficultNames.map((name) => ({ path: `${path}/${name}`, content: JSON.stringify(name) })),
    );
    const listed = await backend.listFiles(path);
    assert.deepEqual(listed.map(({ name }) => name).toSorted(), difficultNames.toSorted());
    await inGroups(difficultNames, 4, async (name) => {
      const at = `${path}/${name}`;
      assert.equal(await backend.readFile(at, { encoding: "utf8" }), JSON.stringify(name));
      const info = await backend.stat(at);
      assert.equal(info.name, name);
      assert.equal(info.path, at);
    });
    // The sandbox's own view: as many bytes of names, and nothing that an expansion would have made.
    const { stdout } = await backend.exec("ls -A | tr -d '\\n' | wc -c; ls -d injected", {
      cwd: path,
      check: false,
    });
    const bytes = Buffer.byteLength(difficultNames.join("").replaceAll("\n", ""));
    assert.equal(stdout.trim(), `${bytes}`);
  });

  conformance.add(area, "makes, writes, moves and removes the most difficult names", async () => {
    const { backend, path } = await conformance.directory();
    await inGroups(mostDifficultNames, 4, async (name) => {
      const directory = `${path}/${name}`;
      await backend.makeDirectory(directory);
      await backend.writeFile(`${directory}/${name}`, name);
      const inside = (await backend.listFiles(directory)).map((file) => file.path);
      assert.deepEqual(inside, [`${directory}/${name}`]);
      await backend.move(`${directory}/${name}`, `${directory}/moved${name}`);
      assert.equal(await backend.exists(`${directory}/moved${name}`), true);
      await backend.remove(`${directory}/moved${name}`);
      await backend.remove(directory);
    });
    assert.deepEqual(await backend.listFiles(path), []);
  });

  conformance.add(area, "lists a name that is not UTF-8 and refuses to use it", async () => {
    const { backend, path } = await conformance.directory();
    const planted = await backend.exec(`: >"$(printf 'not-\\377-utf8')" && ls | wc -l`, {
      cwd: path,
      check: false,
    });
    assert.equal(planted.stdout.trim(), "1", "the file system takes names of any bytes");
    const [file] = await backend.listFiles(path);
    assert.equal(file?.name, "not-\ufffd-utf8");
    assert.equal(file?.type, "file");
    await conformance.rejects(backend.readFile(`${path}/${file?.name}`), "FILE_NOT_FOUND", {
      operation: "readFile",
    });
    // A file that really has U+FFFD in its name is another one, and can be used.
    await backend.writeFile(`${path}/real-\ufffd`, "content");
    assert.equal(await backend.readFile(`${path}/real-\ufffd`, { encoding: "utf8" }), "content");
    await backend.exec("rm -f not-*", { cwd: path });
  });

  conformance.add(
    area,
    "reads names relative to workDir that begin with a dash or blank",
    async () => {
      const backend = await conformance.shared();
      for (const name of ["-n", " blank"]) {
        await backend.writeFile(name, "content");
        assert.equal(await backend.readFile(name, { encoding: "utf8" }), "content");
        await backend.move(name, `${name} moved`);
        await backend.remove(`${name} moved`);
      }
    },
  );

  conformance.add(area, "refuses paths that no file system has", async () => {
    const backend = await conformance.shared();
    await conformance.sendsNoRequest(async () => {
      for (const path of ["", "a\0b", 7 as never, undefined as never]) {
        const calls = {
          readFile: () => backend.readFile(path),
          readFileStream: () => backend.readFileStream(path),
          writeFile: () => backend.writeFile(path, ""),
          writeFiles: () => backend.writeFiles([{ path, content: "" }]),
          listFiles: () => backend.listFiles(path),
          stat: () => backend.stat(path),
          exists: () => backend.exists(path),
          makeDirectory: () => backend.makeDirectory(path),
          remove: () => backend.remove(path),
          move: () => backend.move(path, "to"),
        };
        for (const [operation, call] of Object.entries(calls)) {
          await conformance.rejects(call(), "CONFIG_INVALID", { operation });
        }
        await conformance.rejects(backend.move("from", path), "CONFIG_INVALID", {
          operation: "move",
        });
      }
    });
  });

  conformance.add(area, "refuses options of files that make no sense", async () => {
    const { backend, path } = await conformance.directory();
    const at = `${path}/file`;
    await conformance.sendsNoRequest(async () => {
      for (const mode of [-1, 0o10000, 1.5, "644" as never]) {
        const refused = backend.writeFile(at, "", { mode });
        await conformance.rejects(refused, "CONFIG_INVALID", { operation: "writeFile" });
      }
      for (const depth of [0, -1, 1.5]) {
        const refused = backend.listFiles(path, { depth });
        await conformance.rejects(refused, "CONFIG_INVALID", { operation: "listFiles" });
      }
      const encoding = backend.readFile(at, { encoding: "latin1" as "utf8" });
      await conformance.rejects(encoding, "CONFIG_INVALID", { operation: "readFile" });
      const content = backend.writeFile(at, 7 as never);
      await conformance.rejects(content, "CONFIG_INVALID", { operation: "writeFile" });
    });
  });
}
