import assert from "node:assert/strict";
import type { Backend } from "../contract/backend.ts";
import type { Conformance } from "./conformance.ts";
import { inGroups } from "./in-groups.ts";

const area = "reconnect";

/** The same sandbox from another client, as another process would reach it. */
export function reconnectCases(conformance: Conformance): void {
  conformance.add(area, "needs nothing but the ID", async () => {
    const shared = await conformance.shared();
    await using other = conformance.newBackend({ owner: undefined, name: undefined });
    await other.reconnect(idOf(shared));
    assert.equal(other.sandboxId, shared.sandboxId);
    assert.equal(other.workDir, shared.workDir);
    assert.deepEqual(other.ref, shared.ref);
    assert.equal((await other.status()).state, "running");
    assert.equal((await other.exec("pwd")).stdout, `${shared.workDir}\n`);
    assert.equal((await other.exec('echo "$WORKDIR"')).stdout, `${shared.workDir}\n`);
  });

  conformance.add(area, "keeps the environment that the sandbox was made with", async () => {
    const shared = await conformance.shared();
    await using other = conformance.newBackend();
    await other.reconnect(idOf(shared));
    const { stdout } = await other.exec('echo "$CONFORMANCE_CONFIG"');
    assert.equal(stdout, "from the config\n");
  });

  conformance.add(area, "works from a reference that went through JSON", async () => {
    const shared = await conformance.shared();
    const ref: NonNullable<Backend["ref"]> = JSON.parse(JSON.stringify(shared.ref));
    await using other = conformance.newBackend();
    await other.reconnect(ref.sandboxId);
    assert.equal(other.ref?.name, ref.name);
    assert.equal(other.workDir, ref.workDir);
  });

  conformance.add(area, "lets several clients work at the same time", async () => {
    const { backend, path } = await conformance.directory();
    await using one = conformance.newBackend();
    await using two = conformance.newBackend();
    await Promise.all([one.reconnect(idOf(backend)), two.reconnect(idOf(backend))]);
    await one.writeFile(`${path}/from-one`, "1");
    assert.equal(await two.readFile(`${path}/from-one`, { encoding: "utf8" }), "1");
    const clients = [backend, one, two];
    const outputs = await Promise.all(
      clients.map(async (client, index) => (await client.exec(`echo client ${index}`)).stdout),
    );
    assert.deepEqual(outputs, ["client 0\n", "client 1\n", "client 2\n"]);
  });

  conformance.add(area, "goes on when one of the clients is disposed of", async () => {
    const shared = await conformance.shared();
    const other = conformance.newBackend();
    await other.reconnect(idOf(shared));
    await other[Symbol.asyncDispose]();
    assert.equal((await shared.exec("echo still here")).stdout, "still here\n");
  });

  conformance.add(
    area,
    "finds a working directory that is not the default one",
    async () => {
      const workDir = '/tmp/conformance work/it\'s "here"';
      await conformance.withSandbox(
        async (backend) => {
          assert.equal(backend.workDir, workDir);
          await using other = conformance.newBackend();
          await other.reconnect(idOf(backend));
          assert.equal(other.workDir, workDir);
          assert.equal((await other.exec("pwd")).stdout, `${workDir}\n`);
        },
        { workDir },
      );
    },
    conformance.withoutOwnFileSystem,
  );

  conformance.add(area, "says that an unknown ID is not found", async () => {
    const ids = [crypto.randomUUID(), "no-such-sandbox", "../x?y=1#z", "é 漢"];
    await inGroups(ids, ids.length, async (id) => {
      const backend = conformance.newBackend();
      const error = await conformance.rejects(backend.reconnect(id), "SANDBOX_NOT_FOUND", {
        operation: "reconnect",
        sandboxId: id,
      });
      assert.ok(error.message.includes(id));
      assert.equal(backend.sandboxId, undefined);
      assert.equal((await backend.status()).state, "none");
    });
  });

  conformance.add(area, "refuses what cannot be an ID", async () => {
    const backend = conformance.newBackend();
    await conformance.sendsNoRequest(async () => {
      for (const id of ["", undefined, 7]) {
        await conformance.rejects(backend.reconnect(id as string), "CONFIG_INVALID", {
          operation: "reconnect",
        });
      }
    });
  });

  conformance.add(area, "says that a deleted sandbox is not found", async () => {
    await conformance.withSandbox(async (backend) => {
      const sandboxId = idOf(backend);
      await backend.teardown();
      await using other = conformance.newBackend();
      await conformance.rejects(other.reconnect(sandboxId), "SANDBOX_NOT_FOUND", {
        operation: "reconnect",
        sandboxId,
      });
    });
  });

  if (!conformance.capabilities.stop) return;

  conformance.add(area, "starts a stopped sandbox, unless told never to", async () => {
    await conformance.withSandbox(async (backend) => {
      const sandboxId = idOf(backend);
      await backend.writeFile("file", "kept");
      await backend.stop();
      const other = conformance.newBackend();
      await conformance.rejects(other.reconnect(sandboxId, { start: "never" }), "SANDBOX_STATE", {
        operation: "reconnect",
        sandboxId,
      });
      assert.equal((await backend.status()).state, "stopped");
      await other.reconnect(sandboxId);
      assert.equal(await other.readFile("file", { encoding: "utf8" }), "kept");
      assert.equal((await backend.status()).state, "running");
      // The first client goes on as well: nothing about the sandbox has changed for it.
      assert.equal((await backend.exec("cat file")).stdout, "kept");
      await other[Symbol.asyncDispose]();
      await using third = conformance.newBackend();
      await third.reconnect(sandboxId, { start: "never" });
      assert.equal((await third.exec("cat file")).stdout, "kept");
    });
  });

  conformance.add(area, "starts once when several clients reconnect at once", async () => {
    await conformance.withSandbox(async (backend) => {
      await backend.stop();
      const clients = [1, 2, 3].map(() => conformance.newBackend());
      await Promise.all(clients.map((client) => client.reconnect(idOf(backend))));
      for (const client of clients) {
        assert.equal((await client.exec("echo up")).stdout, "up\n");
        await client[Symbol.asyncDispose]();
      }
    });
  });
}

function idOf(backend: Backend): string {
  return backend.sandboxId ?? assert.fail("The sandbox has no ID");
}
