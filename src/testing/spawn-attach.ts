import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import type { ProcessExit } from "../contract/process.ts";
import type { Conformance } from "./conformance.ts";
import { assertErrorCode } from "./expected-errors.ts";
import { markerOf } from "./process-marker.ts";
import { hashOf, textOf } from "./read-stream.ts";

const area = "spawn-attach";

/** Processes that are reached by their ID, from this client and others, and their standard input. */
export function spawnAttachCases(conformance: Conformance): void {
  conformance.add(area, "goes on in another client where this one stopped", async () => {
    const { backend, path } = await conformance.directory();
    const child = await backend.spawn(
      "echo one; while [ ! -e go ]; do sleep 0.1; done; echo two; exit 5",
      { cwd: path },
    );
    const reader = child.stdout.getReader();
    assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), "one\n");
    child.detach();
    assert.equal((await reader.read()).done, true);
    await conformance.rejects(child.wait(), "ABORTED", { operation: "process.wait" });
    await using other = await conformance.anotherClient(backend);
    const attached = await other.attachProcess(child.id, { stdoutOffset: child.stdoutOffset });
    await other.writeFile(`${path}/go`, "");
    assert.equal(await textOf(attached.stdout), "two\n");
    assert.equal((await attached.wait()).exitCode, 5);
    const late = await backend.attachProcess(child.id);
    assert.equal(await textOf(late.stdout), "one\ntwo\n");
    assert.equal((await late.wait()).exitCode, 5);
  });

  conformance.add(area, "gives every client the same bytes", async () => {
    const { backend, path } = await conformance.directory();
    const child = await backend.spawn(
      "head -c 2000000 /dev/urandom >data; for i in 1 2 3; do cat data; sleep 0.2; done",
      { cwd: path },
    );
    await using other = await conformance.anotherClient(backend);
    const attached = await other.attachProcess(child.id);
    const [here, there] = await Promise.all([hashOf(child.stdout), hashOf(attached.stdout)]);
    assert.deepEqual(here, there);
    assert.equal(here.sizeBytes, 6_000_000);
    const { stdout } = await backend.exec("cat data data data | sha256sum", { cwd: path });
    assert.ok(stdout.startsWith(here.hash));
  });

  conformance.add(area, "is not ended by a client that goes away", async () => {
    const backend = await conformance.shared();
    const marker = markerOf("disposed");
    const other = await conformance.anotherClient(backend);
    const child = await other.spawn("sleep 300", { env: marker.env });
    const waiting = child.wait();
    waiting.catch(() => undefined);
    await other[Symbol.asyncDispose]();
    await assert.rejects(waiting);
    assert.notEqual(await marker.processes(backend), 0);
    const attached = await backend.attachProcess(child.id);
    await attached.kill();
    assert.equal(await marker.processes(backend), 0);
  });

  conformance.add(area, "starts once under one ID, whoever asks", async () => {
    const { backend, path } = await conformance.directory();
    await using other = await conformance.anotherClient(backend);
    const id = `once${randomBytes(8).toString("hex")}`;
    const children = await Promise.all(
      [backend, other, backend].map((client) =>
        client.spawn("echo run >>count; sleep 0.5; cat count", { id, cwd: path }),
      ),
    );
    assert.deepEqual(
      children.map((child) => child.id),
      [id, id, id],
    );
    const outputs = await Promise.all(children.map(({ stdout }) => textOf(stdout)));
    assert.deepEqual(outputs, ["run\n", "run\n", "run\n"]);
  });

  conformance.add(area, "rejects for an ID that nobody has", async () => {
    const backend = await conformance.shared();
    const error = await conformance.rejects(
      backend.attachProcess("nobodyhasthis"),
      "PROCESS_NOT_FOUND",
      { operation: "attachProcess", sandboxId: backend.sandboxId },
    );
    assert.equal(error.processId, "nobodyhasthis");
  });

  conformance.add(area, "writes to standard input until it is closed", async () => {
    const backend = await conformance.shared();
    const child = await backend.spawn("cat; echo end", { stdin: "open" });
    await child.write('it\'s "one" $line\n');
    await Promise.all(["a", "b", "c"].map((letter) => child.write(letter)));
    await child.closeInput();
    await child.closeInput();
    assert.equal(await textOf(child.stdout), 'it\'s "one" $line\nabcend\n');
    await conformance.rejects(child.write("more"), "SANDBOX_STATE", {
      operation: "process.write",
      sandboxId: backend.sandboxId,
    });
  });

  conformance.add(area, "answers what another client writes", async () => {
    const backend = await conformance.shared();
    const child = await backend.spawn('while read -r line; do echo "got $line"; done', {
      stdin: "open",
    });
    const reader = child.stdout.getReader();
    const nextText = async () => Buffer.from((await reader.read()).value ?? []).toString();
    await child.write("one\n");
    assert.equal(await nextText(), "got one\n");
    await using other = await conformance.anotherClient(backend);
    const attached = await other.attachProcess(child.id);
    await attached.write("two\n");
    assert.equal(await nextText(), "got two\n");
    await child.write("three\n");
    assert.equal(await nextText(), "got three\n");
    await attached.closeInput();
    assert.equal((await child.wait()).exitCode, 0);
  });

  conformance.add(area, "carries any bytes to a process that reads slowly", async () => {
    const backend = await conformance.shared();
    const bytes = randomBytes(2_500_000);
    const child = await backend.spawn("sleep 1; sha256sum", { stdin: "open" });
    await child.write(bytes);
    await child.closeInput();
    const hash = createHash("sha256").update(bytes).digest("hex");
    assert.ok((await textOf(child.stdout)).startsWith(hash));
  });

  conformance.add(area, "shows an empty input unless it is opened", async () => {
    const backend = await conformance.shared();
    const child = await backend.spawn("cat; echo end");
    assert.equal(await textOf(child.stdout), "end\n");
    const waiting = await backend.spawn("sleep 300");
    await conformance.rejects(waiting.write("text"), "SANDBOX_STATE", {
      operation: "process.write",
    });
    await waiting.kill();
  });

  conformance.add(area, "does not survive a stop, and is given no end but its own", async () => {
    await conformance.withSandbox(async (backend) => {
      const child = await backend.spawn("echo before; sleep 300");
      const reader = child.stdout.getReader();
      assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), "before\n");
      child.detach();
      await backend.stop();
      await backend.start();
      const attached = await backend.attachProcess(child.id);
      // A stop that is gentle lets it end by its signal, and that is recorded; otherwise nobody can know.
      const end = await attached.wait().catch((error: unknown) => error);
      if (end instanceof Error) {
        assertErrorCode(end, "COMPLETION_UNKNOWN");
        assert.equal(end.reason, "sandbox-restarted");
      } else assert.ok([143, 137].includes((end as ProcessExit).exitCode));
      const part = await attached.output();
      assert.equal(Buffer.from(part.bytes).toString(), "before\n");
    });
  });
}
