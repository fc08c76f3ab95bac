import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Conformance } from "./conformance.ts";
import { assertErrorCode, rejectionOf } from "./expected-errors.ts";
import { textOf } from "./read-stream.ts";

const area = "capabilities";

/** What a backend says about itself is a fact that can be seen. Further ones are asserted where the areas use them. */
export function capabilityCases(conformance: Conformance): void {
  const { capabilities } = conformance;

  conformance.add(area, "are words of the contract before setup", async () => {
    assert.ok(["provider", "namespaces", "none"].includes(capabilities.isolation));
    assert.ok(["any", "declared", "one", "none"].includes(capabilities.ports));
    assert.ok(["new-sandbox", "in-place", "none"].includes(capabilities.snapshot));
    const flags = [
      "image",
      "previewWebSocket",
      "stop",
      "snapshotStopsSource",
      "idleTimeouts",
      "volumes",
    ] as const;
    for (const flag of flags) {
      assert.equal(typeof capabilities[flag], "boolean", flag);
    }
    assert.ok(!(capabilities.ports === "none" && capabilities.previewWebSocket));
  });

  conformance.add(
    area,
    "are the same before and after setup, but for what the image decides",
    async () => {
      assert.equal(capabilities.pty, "after-setup");
      assert.equal(capabilities.separateUsers, "after-setup");
      const { pty, separateUsers } = (await conformance.shared()).capabilities;
      assert.deepEqual((await conformance.shared()).capabilities, {
        ...capabilities,
        pty,
        separateUsers,
      });
    },
  );

  conformance.add(area, "tell after setup whether there are terminals", async () => {
    const backend = await conformance.shared();
    const { pty } = backend.capabilities;
    const attaching = backend.attachPty({ rows: 10, cols: 40, command: "echo shown" });
    if (pty === false) {
      assertErrorCode(await rejectionOf(attaching), "UNSUPPORTED_OPERATION");
      return;
    }
    assert.deepEqual(pty, { replay: true, resize: true, severalViewers: true });
    const terminal = await attaching;
    assert.equal((await terminal.wait()).exitCode, 0);
    const again = await backend.attachPty({ rows: 10, cols: 40, id: terminal.id });
    assert.match(await textOf(again.output), /shown/);
  });

  conformance.add(area, "tell after setup whether commands can run as another user", async () => {
    const backend = await conformance.shared();
    const running = backend.exec("id -un", { user: "nobody", cwd: "/" });
    if (backend.capabilities.separateUsers === true) {
      assert.equal((await running).stdout, "nobody\n");
    } else {
      assert.equal(backend.capabilities.separateUsers, false);
      assertErrorCode(await rejectionOf(running), "UNSUPPORTED_OPERATION");
    }
  });

  conformance.add(area, "are the same after reconnecting by ID", async () => {
    const shared = await conformance.shared();
    await using other = conformance.newBackend();
    await other.reconnect(shared.sandboxId ?? assert.fail("No ID"));
    assert.deepEqual(other.capabilities, shared.capabilities);
  });

  conformance.add(
    area,
    `tell the isolation, which is ${capabilities.isolation}`,
    async () => {
      const backend = await conformance.shared();
      const folder = await mkdtemp(join(tmpdir(), "conformance-isolation-"));
      try {
        await writeFile(join(folder, "of-the-host"), "");
        const isVisible = await backend.exists(join(folder, "of-the-host"));
        assert.equal(isVisible, capabilities.isolation === "none");
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    conformance.options.notIsolated,
  );

  conformance.add(area, "name the type that the factory knows", async () => {
    const backend = conformance.newBackend();
    assert.match(backend.type, /^[a-z][a-z0-9-]*$/);
    assert.equal((await conformance.shared()).ref?.type, backend.type);
  });
}
