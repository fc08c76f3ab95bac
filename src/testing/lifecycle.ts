import assert from "node:assert/strict";
import type { Conformance } from "./conformance.ts";
import { eventually } from "./polling.ts";
import { markerOf } from "./process-marker.ts";

const area = "lifecycle";

/** From nothing to gone: setup, status, stop, start, teardown, disposal. */
export function lifecycleCases(conformance: Conformance): void {
  conformance.add(area, "makes two sandboxes that know nothing of each other", async () => {
    const one = conformance.newBackend();
    const two = conformance.newBackend();
    try {
      await Promise.all([one.setup(), two.setup()]);
      assert.notEqual(one.sandboxId, two.sandboxId);
      for (const backend of [one, two]) {
        assert.deepEqual(await backend.listFiles(backend.workDir), [], "workDir begins empty");
      }
      await one.writeFile("secret", "of one");
      assert.equal(await two.exists("secret"), false);
      await two.teardown();
      assert.equal(await one.readFile("secret", { encoding: "utf8" }), "of one");
    } finally {
      conformance.release(one);
      conformance.release(two);
    }
  });

  conformance.add(area, "tells a fresh status in every state", async () => {
    const backend = conformance.newBackend();
    assert.equal(backend.sandboxId, undefined);
    assert.equal(backend.ref, undefined);
    const none = await backend.status();
    assert.equal(none.state, "none");
    assert.equal(none.id, undefined);
    try {
      await backend.setup();
      const running = await backend.status();
      assert.equal(running.state, "running");
      assert.equal(running.id, backend.sandboxId);
      assert.equal(running.message, undefined);
      assert.ok(running.providerState !== undefined && running.providerState !== "");
      if (conformance.capabilities.stop) {
        await backend.stop();
        assert.equal((await backend.status()).state, "stopped");
        await backend.start();
        assert.equal((await backend.status()).state, "running");
      }
      const sandboxId = backend.sandboxId;
      await backend.teardown();
      const deleted = await backend.status();
      assert.equal(deleted.state, "deleted");
      assert.equal(deleted.id, sandboxId);
    } finally {
      conformance.release(backend);
    }
  });

  conformance.add(area, "is held by a lease until that is released", async () => {
    const backend = await conformance.shared();
    const lease = await backend.keepAlive({ maxMs: 600_000 });
    assert.equal(lease.sandboxId, backend.sandboxId);
    assert.equal(lease.isHeld, true);
    const lastsMs = lease.expiresAt.getTime() - Date.now();
    assert.ok(lastsMs > 0 && lastsMs <= 600_000, `It lasts ${lastsMs} ms`);
    assert.equal((await backend.status()).state, "running");
    await lease.release();
    await lease.release();
    assert.equal(lease.isHeld, false);
    assert.deepEqual(await lease.ended, { reason: "released", error: undefined });
  });

  conformance.add(area, "has a reference that is JSON and holds all that it names", async () => {
    const backend = await conformance.shared();
    const { ref } = backend;
    assert.ok(ref !== undefined);
    assert.deepEqual(JSON.parse(JSON.stringify(ref)), withoutUndefined({ ...ref }));
    assert.equal(ref.version, 1);
    assert.equal(ref.type, backend.type);
    assert.equal(ref.sandboxId, backend.sandboxId);
    assert.equal(ref.workDir, backend.workDir);
    for (const secret of conformance.secrets) assert.ok(!JSON.stringify(ref).includes(secret));
  });

  stoppingCases(conformance);

  conformance.add(area, "tears down once and for all, however often it is asked", async () => {
    const backend = conformance.newBackend();
    await backend.setup();
    const sandboxId = backend.sandboxId ?? assert.fail("No ID");
    await backend.teardown();
    assert.ok(!(await conformance.options.listSandboxIds()).includes(sandboxId));
    await Promise.all([backend.teardown(), backend.teardown()]);
    // The object stands for one sandbox, also when that is gone.
    await conformance.sendsNoRequest(async () => {
      for (const operation of ["setup", "reconnect"] as const) {
        const again = operation === "setup" ? backend.setup() : backend.reconnect(sandboxId);
        await conformance.rejects(again, "SANDBOX_STATE", { operation, sandboxId });
      }
    });
    assert.equal(backend.sandboxId, sandboxId);
    await backend[Symbol.asyncDispose]();
  });

  conformance.add(area, "tears down what another client deletes at the same time", async () => {
    await conformance.withSandbox(async (backend) => {
      const other = conformance.newBackend();
      await other.reconnect(backend.sandboxId ?? assert.fail("No ID"));
      await Promise.all([backend.teardown(), other.teardown()]);
      assert.equal((await other.status()).state, "deleted");
      await other[Symbol.asyncDispose]();
    });
  });

  conformance.add(area, "has nothing to tear down before setup", async () => {
    const backend = conformance.newBackend();
    await conformance.sendsNoRequest(() => backend.teardown());
    assert.equal((await backend.status()).state, "none");
  });

  conformance.add(area, "never deletes on disposal", async () => {
    const name = conformance.uniqueName("disposed");
    const backend = conformance.newBackend({ name });
    await backend.setup();
    const sandboxId = backend.sandboxId ?? assert.fail("No ID");
    await backend.writeFile("file", "kept");
    await backend[Symbol.asyncDispose]();
    await backend[Symbol.asyncDispose]();
    const other = conformance.newBackend();
    try {
      await other.reconnect(sandboxId);
      assert.equal(await other.readFile("file", { encoding: "utf8" }), "kept");
    } finally {
      conformance.release(other);
    }
  });

  conformance.add(area, "can be disposed of before setup", async () => {
    const backend = conformance.newBackend();
    await conformance.sendsNoRequest(() => backend[Symbol.asyncDispose]());
    await backend[Symbol.asyncDispose]();
    assert.equal(backend.sandboxId, undefined);
  });
}

function stoppingCases(conformance: Conformance): void {
  if (!conformance.capabilities.stop) {
    conformance.add(area, "refuses to stop, as its capabilities say", async () => {
      const backend = await conformance.shared();
      await conformance.sendsNoRequest(async () => {
        await conformance.rejects(backend.stop(), "UNSUPPORTED_OPERATION", { operation: "stop" });
      });
    });
    return;
  }

  conformance.add(area, "keeps files and ends processes when it stops", async () => {
    await conformance.withSandbox(async (backend) => {
      const marker = markerOf("stop");
      await backend.writeFile("file", "kept", { mode: 0o755 });
      const background = "sleep 300 >/dev/null 2>&1 </dev/null &";
      await backend.exec(background, { env: marker.env });
      assert.equal(await marker.processes(backend), 1);
      await backend.stop();
      await backend.start();
      assert.equal(await backend.readFile("file", { encoding: "utf8" }), "kept");
      assert.equal((await backend.stat("file")).mode, 0o755);
      assert.equal(await marker.processes(backend), 0);
      assert.equal((await backend.exec("echo again")).stdout, "again\n");
    });
  });

  conformance.add(
    area,
    "stops what is stopped and starts what runs, without an error",
    async () => {
      await conformance.withSandbox(async (backend) => {
        await backend.start();
        await backend.stop();
        await backend.stop();
        assert.equal((await backend.status()).state, "stopped");
        await Promise.all([backend.start(), backend.start(), backend.start()]);
        assert.equal((await backend.exec("echo up")).stdout, "up\n");
      });
    },
  );

  conformance.add(
    area,
    "tells a command under which the sandbox was stopped from one that ended",
    async () => {
      await conformance.withSandbox(async (backend) => {
        let started = false;
        const running = backend.exec("echo started; sleep 300", {
          timeoutMs: conformance.patient(60_000),
          onStdout: () => {
            started = true;
          },
        });
        const outcome = running.then(
          () => assert.fail("A command that was cut off has no result"),
          (error: { code?: unknown; exitCode?: unknown }) => error,
        );
        outcome.catch(() => {});
        await eventually("The start", conformance.patient(20_000), async () => started);
        await backend.stop();
        const { code, exitCode } = await outcome;
        const codes = ["SANDBOX_LOST", "COMPLETION_UNKNOWN", "SANDBOX_STATE"];
        // A stop may send signals first, and a command that was seen to end by one has a result.
        const wasSeenToEnd = code === "COMMAND_FAILED" && [143, 137].includes(Number(exitCode));
        assert.ok(wasSeenToEnd || codes.includes(String(code)), `${code}, exit code ${exitCode}`);
      });
    },
  );
}

function withoutUndefined(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined));
}
