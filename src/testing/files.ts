import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import type { Conformance } from "./conformance.ts";

const area = "files";
const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte);

/** Content of files: reading and writing, whole and as streams. */
export function fileCases(conformance: Conformance): void {
  readingCases(conformance);
  writingCases(conformance);
  streamCases(conformance);
}

function readingCases(conformance: Conformance): void {
  conformance.add(area, "reads what it wrote, for 0 bytes, 1 byte and every byte", async () => {
    const { backend, path } = await conformance.directory();
    for (const content of [Uint8Array.of(), Uint8Array.of(0), Uint8Array.of(10), everyByte]) {
      await backend.writeFile(`${path}/file`, content);
      assert.deepEqual(Buffer.from(await backend.readFile(`${path}/file`)), Buffer.from(content));
      const { stdout } = await backend.exec("wc -c <file | tr -d ' '", { cwd: path });
      assert.equal(stdout, `${content.length}\n`);
    }
  });

  const mebibytes = conformance.options.thorough === true ? 64 : 8;
  conformance.add(area, `moves ${mebibytes} MiB of random bytes in and out`, async () => {
    const { backend, path } = await conformance.directory();
    const content = randomBytes(mebibytes * 1_048_576);
    const expected = createHash("sha256").update(content).digest("hex");
    await backend.writeFile(`${path}/large`, content);
    const { stdout } = await backend.exec(["sha256sum", `${path}/large`]);
    assert.equal(stdout.slice(0, 64), expected);
    const read = await backend.readFile(`${path}/large`);
    assert.equal(createHash("sha256").update(read).digest("hex"), expected);
    await backend.remove(`${path}/large`);
  });

  conformance.add(area, "gives text with the encoding utf8, and refuses other bytes", async () => {
    const { backend, path } = await conformance.directory();
    const text = "\ufeffé漢🚀\r\n\ufffd";
    await backend.writeFile(`${path}/text`, text);
    assert.equal(await backend.readFile(`${path}/text`, { encoding: "utf8" }), text);
    await backend.writeFile(`${path}/bytes`, Uint8Array.of(0x61, 0xff));
    const error = await conformance.rejects(
      backend.readFile(`${path}/bytes`, { encoding: "utf8" }),
      "FILE_ACCESS",
      { operation: "readFile", sandboxId: backend.sandboxId },
    );
    assert.equal(error.reason, "not-utf8");
    assert.equal(error.path, `${path}/bytes`);
  });

  conformance.add(area, "rejects for what is missing and for a directory", async () => {
    const { backend, path } = await conformance.directory();
    for (const operation of ["readFile", "readFileStream"] as const) {
      const expected = { operation, sandboxId: backend.sandboxId };
      const missing = backend[operation](`${path}/missing`);
      const notFound = await conformance.rejects(missing, "FILE_NOT_FOUND", expected);
      assert.equal(notFound.path, `${path}/missing`);
      const directory = await conformance.rejects(
        backend[operation](path),
        "FILE_ACCESS",
        expected,
      );
      assert.equal(directory.reason, "is-directory");
      assert.equal(directory.path, path);
    }
  });

  conformance.add(area, "refuses a file larger than maxBytes", async () => {
    const { backend, path } = await conformance.directory();
    await backend.writeFile(`${path}/file`, "12345");
    assert.equal((await backend.readFile(`${path}/file`, { maxBytes: 5 })).length, 5);
    const error = await conformance.rejects(
      backend.readFile(`${path}/file`, { maxBytes: 4 }),
      "OUTPUT_LIMIT",
      { operation: "readFile" },
    );
    assert.equal(error.limitBytes, 4);
  });

  conformance.add(area, "takes relative paths from workDir", async () => {
    const { backend, path } = await conformance.directory();
    const relative = path.slice(backend.workDir.length + 1);
    await backend.writeFile(`${relative}/below/file`, "content");
    assert.equal(await backend.readFile(`${path}/below/file`, { encoding: "utf8" }), "content");
    assert.equal((await backend.stat(`./${relative}/below/../below/file`)).size, 7);
    assert.equal((await backend.listFiles(relative))[0]?.path, `${path}/below`);
  });
}

function writingCases(conformance: Conformance): void {
  conformance.add(area, "makes the parents of what it writes", async () => {
    const { backend, path } = await conformance.directory();
    await backend.writeFile(`${path}/a/b c/d/file`, "deep");
    assert.equal(await backend.readFile(`${path}/a/b c/d/file`, { encoding: "utf8" }), "deep");
  });

  conformance.add(area, "gives a new file mode 644, or the mode that is asked for", async () => {
    const { backend, path } = await conformance.directory();
    await backend.writeFile(`${path}/plain`, "");
    assert.equal((await backend.stat(`${path}/plain`)).mode, 0o644);
    for (const mode of [0o600, 0o755, 0o444, 0o640]) {
      await backend.writeFile(`${path}/mode-${mode}`, "#!/bin/sh\n", { mode });
      assert.equal((await backend.stat(`${path}/mode-${mode}`)).mode, mode);
    }
  });

  conformance.add(area, "keeps the mode of the file that it replaces", async () => {
    const { backend, path } = await conformance.directory();
    await backend.writeFile(`${path}/script`, "#!/bin/sh\necho one\n", { mode: 0o750 });
    await backend.writeFile(`${path}/script`, "#!/bin/sh\necho two\n");
    assert.equal((await backend.stat(`${path}/script`)).mode, 0o750);
    assert.equal((await backend.exec(["./script"], { cwd: path })).stdout, "two\n");
    await backend.writeFile(`${path}/script`, "", { mode: 0o600 });
    assert.equal((await backend.stat(`${path}/script`)).mode, 0o600);
  });

  conformance.add(area, "replaces a file as a whole, never seen half written", async () => {
    const { backend, path } = await conformance.directory();
    const size = 262_144;
    await backend.writeFile(`${path}/file`, "a".repeat(size));
    // Every reading, all the time, sees one of the two contents and nothing between.
    const watcher = backend.exec(
      "until [ -e stop ]; do sha256sum <file || echo unreadable; done | sort -u",
      { cwd: path, timeoutMs: conformance.patient(60_000) },
    );
    watcher.catch(() => {});
    try {
      for (const letter of ["b", "a", "b", "a"]) {
        await backend.writeFile(`${path}/file`, letter.repeat(size));
      }
    } finally {
      await backend.writeFile(`${path}/stop`, "");
    }
    const allowed = ["a", "b"].map((letter) =>
      createHash("sha256").update(letter.repeat(size)).digest("hex"),
    );
    const seen = (await watcher).stdout.trim().split("\n");
    for (const line of seen) assert.ok(allowed.includes(line.slice(0, 64)), `seen: ${line}`);
    // Nor is a temporary file left beside it.
    const names = (await backend.listFiles(path)).map((file) => file.name);
    assert.deepEqual(names, ["file", "stop"]);
  });

  conformance.add(area, "writes through a symbolic link and leaves the link", async () => {
    const { backend, path } = await conformance.directory();
    await backend.exec("mkdir real; echo old >real/target; ln -s real/target link", { cwd: path });
    await backend.writeFile(`${path}/link`, "new");
    assert.equal((await backend.stat(`${path}/link`)).type, "symlink");
    assert.equal(await backend.readFile(`${path}/real/target`, { encoding: "utf8" }), "new");
    // Through a link to nothing it makes the file that the link names, as `>` does.
    await backend.exec("ln -s real/fresh dangling", { cwd: path });
    await backend.writeFile(`${path}/dangling`, "made");
    assert.equal((await backend.stat(`${path}/dangling`)).type, "symlink");
    assert.equal(await backend.readFile(`${path}/real/fresh`, { encoding: "utf8" }), "made");
  });

  conformance.add(area, "rejects where a directory or a file is in the way", async () => {
    const { backend, path } = await conformance.directory();
    await backend.writeFile(`${path}/file`, "kept");
    await backend.makeDirectory(`${path}/directory`);
    const expected = { operation: "writeFile", sandboxId: backend.sandboxId };
    const onDirectory = backend.writeFile(`${path}/directory`, "x");
    const isDirectory = await conformance.rejects(onDirectory, "FILE_ACCESS", expected);
    assert.equal(isDirectory.reason, "is-directory");
    const belowFile = backend.writeFile(`${path}/file/below`, "x");
    const notDirectory = await conformance.rejects(belowFile, "FILE_ACCESS", expected);
    assert.equal(notDirectory.reason, "not-a-directory");
    assert.equal(await backend.readFile(`${path}/file`, { encoding: "utf8" }), "kept");
  });

  conformance.add(area, "writes many files, and those before one that fails", async () => {
    const { backend, path } = await conformance.directory();
    const files = Array.from({ length: 30 }, (_, index) => ({
      path: `${path}/many/${index % 3}/file ${index}`,
      content: index % 2 === 0 ? `content ${index}` : Buffer.from([index, 0, 255]),
      mode: index === 4 ? 0o700 : undefined,
    }));
    await backend.writeFiles(files);
    for (const file of files) {
      assert.deepEqual(Buffer.from(await backend.readFile(file.path)), Buffer.from(file.content));
    }
    assert.equal((await backend.stat(`${path}/many/1/file 4`)).mode, 0o700);
    await backend.writeFiles([]);
    const failing = backend.writeFiles([
      { path: `${path}/first`, content: "1" },
      { path, content: "a directory is here" },
    ]);
    const error = await conformance.rejects(failing, "FILE_ACCESS", { operation: "writeFiles" });
    assert.equal(error.path, path);
    assert.equal(await backend.readFile(`${path}/first`, { encoding: "utf8" }), "1");
  });
}

function streamCases(conformance: Conformance): void {
  conformance.add(area, "writes streams and async iterables", async () => {
    const { backend, path } = await conformance.directory();
    const chunks = [Buffer.from("one "), Buffer.alloc(0), randomBytes(300_000), Buffer.from("end")];
    const whole = Buffer.concat(chunks);
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk);
        controller.close();
      },
    });
    async function* iterate(): AsyncGenerator<Uint8Array> {
      yield* chunks;
    }
    for (const content of [stream, iterate()]) {
      await backend.writeFile(`${path}/streamed`, content);
      assert.ok(whole.equals(await backend.readFile(`${path}/streamed`)));
      await backend.remove(`${path}/streamed`);
    }
  });

  conformance.add(area, "rejects with what a source throws, and keeps the old file", async () => {
    const { backend, path } = await conformance.directory();
    await backend.writeFile(`${path}/file`, "old");
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("new");
      throw new Error("The source has failed");
    }
    await assert.rejects(backend.writeFile(`${path}/file`, failing()), (error: Error) => {
      const messages = [error.message, (error.cause as Error | undefined)?.message];
      return messages.some((message) => message?.includes("The source has failed"));
    });
    assert.equal(await backend.readFile(`${path}/file`, { encoding: "utf8" }), "old");
    assert.equal((await backend.listFiles(path)).length, 1);
  });

  conformance.add(area, "reads as a stream, to the end or cancelled early", async () => {
    const { backend, path } = await conformance.directory();
    const content = randomBytes(2_097_152);
    await backend.writeFile(`${path}/file`, content);
    const chunks: Uint8Array[] = [];
    for await (const chunk of await backend.readFileStream(`${path}/file`)) chunks.push(chunk);
    assert.ok(content.equals(Buffer.concat(chunks)));

    const reader = (await backend.readFileStream(`${path}/file`)).getReader();
    const first = await reader.read();
    assert.ok(first.value !== undefined && first.value.length > 0);
    assert.ok(content.subarray(0, first.value.length).equals(first.value));
    await reader.cancel();
    // The client goes on as if nothing had been.
    assert.equal((await backend.exec("echo fine")).stdout, "fine\n");
  });
}
