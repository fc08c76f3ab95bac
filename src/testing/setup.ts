import assert from "node:assert/strict";
import type { SetupEvent } from "../contract/setup-events.ts";
import type { Conformance } from "./conformance.ts";

const area = "setup";

/** One sandbox for one name and owner, and what `setup` tells while it works. */
export function setupCases(conformance: Conformance): void {
  conformance.add(
    area,
    "tells of its steps in order, and of the sandbox that it made",
    async () => {
      const backend = conformance.newBackend();
      const events: SetupEvent[] = [];
      try {
        await backend.setup({ onEvent: (event) => events.push(event) });
        const found = events.find((event) => event.type === "sandbox-found");
        assert.equal(found?.sandboxId, backend.sandboxId);
        assert.equal(found?.adopted, false);
        assert.equal(found?.name, backend.ref?.name);
        const steps = events.filter((event) => event.type === "step-started");
        const names = steps.map(({ step }) => step);
        assert.equal(names[0], "create");
        assert.equal(names.at(-1), "finish");
        const finished = events.filter((event) => event.type === "step-finished");
        assert.deepEqual(finished.map(({ step }) => step).toSorted(), names.toSorted());
        assert.ok(finished.every(({ durationMs }) => durationMs >= 0));
        const times = events.map(({ atMs }) => atMs);
        assert.deepEqual(
          times,
          times.toSorted((a, b) => a - b),
        );
      } finally {
        conformance.release(backend);
      }
    },
  );

  conformance.add(
    area,
    "adopts the sandbox of the same owner and name, files and all",
    async () => {
      const name = conformance.uniqueName("adopted é/漢");
      await conformance.withSandbox(
        async (first) => {
          await first.writeFile("file", "kept");
          const second = conformance.newBackend({ name });
          const events: SetupEvent[] = [];
          await second.setup({ onEvent: (event) => events.push(event) });
          assert.equal(second.sandboxId, first.sandboxId);
          assert.equal(await second.readFile("file", { encoding: "utf8" }), "kept");
          const found = events.find((event) => event.type === "sandbox-found");
          assert.equal(found?.adopted, true);
          await second[Symbol.asyncDispose]();
          if (!conformance.capabilities.stop) return;
          await first.stop();
          const third = conformance.newBackend({ name });
          await third.setup();
          assert.equal(third.sandboxId, first.sandboxId);
          assert.equal((await third.exec("cat file")).stdout, "kept");
          await third[Symbol.asyncDispose]();
        },
        { name },
      );
    },
  );

  conformance.add(
    area,
    "makes one sandbox when several clients set up one name at once",
    async () => {
      const name = conformance.uniqueName("raced");
      const clients = [1, 2, 3].map(() => conformance.newBackend({ name }));
      try {
        await Promise.all(clients.map((client) => client.setup()));
        const ids = new Set(clients.map((client) => client.sandboxId));
        assert.equal(ids.size, 1);
        for (const client of clients) {
          assert.equal((await client.exec("echo ready")).stdout, "ready\n");
        }
        const [sandboxId] = ids;
        const listed = await conformance.options.listSandboxIds();
        assert.equal(listed.filter((id) => id === sandboxId).length, 1);
      } finally {
        for (const client of clients) conformance.release(client);
      }
    },
  );

  conformance.add(area, "never gives one owner's sandbox to another", async () => {
    const name = conformance.uniqueName("owned");
    await conformance.withSandbox(
      async (first) => {
        for (const owner of [`${conformance.owner}-other`, undefined]) {
          const second = conformance.newBackend({ name, owner });
          try {
            await second.setup();
            assert.notEqual(second.sandboxId, first.sandboxId, `owner ${owner}`);
          } catch (error) {
            assert.equal((error as { code?: unknown }).code, "SANDBOX_STATE", String(error));
          } finally {
            conformance.release(second);
          }
        }
        assert.equal((await first.exec("echo mine")).stdout, "mine\n");
      },
      { name },
    );
  });

  conformance.add(area, "adopts nothing without an owner", async () => {
    const config = { name: conformance.uniqueName("unowned"), owner: undefined };
    await conformance.withSandbox(async (first) => {
      const second = conformance.newBackend(config);
      await conformance.rejects(second.setup(), "SANDBOX_STATE", { operation: "setup" });
      assert.equal(second.sandboxId, undefined);
      assert.equal((await first.exec("echo mine")).stdout, "mine\n");
    }, config);
  });

  conformance.add(
    area,
    "adopts no sandbox that was made for something else",
    async () => {
      const name = conformance.uniqueName("other purpose");
      await conformance.withSandbox(
        async () => {
          const second = conformance.newBackend({ name, workDir: "/tmp/conformance-elsewhere" });
          await conformance.rejects(second.setup(), "SANDBOX_STATE", { operation: "setup" });
        },
        { name },
      );
    },
    conformance.withoutWorkDirChoice,
  );

  conformance.add(area, "makes as many sandboxes without a name as it is asked for", async () => {
    const clients = [1, 2].map(() => conformance.newBackend({ name: undefined }));
    try {
      await Promise.all(clients.map((client) => client.setup()));
      assert.notEqual(clients[0]?.sandboxId, clients[1]?.sandboxId);
    } finally {
      for (const client of clients) conformance.release(client);
    }
  });

  conformance.add(area, "refuses a second setup of a backend that has its sandbox", async () => {
    const backend = await conformance.shared();
    await conformance.sendsNoRequest(async () => {
      await conformance.rejects(backend.setup(), "SANDBOX_STATE", { operation: "setup" });
    });
    assert.equal((await backend.exec("echo untouched")).stdout, "untouched\n");
  });
}
