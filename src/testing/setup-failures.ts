import assert from "node:assert/strict";
import type { Conformance } from "./conformance.ts";
import { assertErrorCode, assertShowsNoSecret } from "./expected-errors.ts";
import { inGroups } from "./in-groups.ts";

const area = "setup failures";

/** A setup that does not succeed leaves nothing at the provider. */
export function setupFailureCases(conformance: Conformance): void {
  const cleanupTimeoutMs = conformance.patient(15_000);

  for (const [how, code, parts] of [
    ["aborted", "ABORTED", [0.02, 0.3, 0.6, 0.9]],
    ["out of time", "TIMEOUT", [0.1, 0.5, 0.8]],
  ] as const) {
    conformance.add(area, `leaves nothing when it is ${how}, at whatever moment`, async () => {
      await conformance.leavesNothing(async () => {
        const durationMs = await setupDurationMs(conformance);
        await inGroups(parts, 4, async (part) => {
          const afterMs = Math.max(1, Math.round(durationMs * part));
          const backend = conformance.newBackend({ cleanupTimeoutMs });
          const options =
            code === "ABORTED" ? { signal: AbortSignal.timeout(afterMs) } : { timeoutMs: afterMs };
          try {
            await backend.setup(options);
            // It was faster this time; then it has its sandbox like any other.
          } catch (error) {
            assertErrorCode(error, code);
            assert.equal(error.operation, "setup");
            assert.deepEqual(
              error.leaked.filter(({ id }) => id !== undefined),
              [],
            );
            assert.equal(backend.sandboxId, undefined);
            assert.equal((await backend.status()).state, "none");
          }
          conformance.release(backend);
        });
      });
    });
  }

  conformance.add(area, "leaves nothing when each step is aborted as it begins", async () => {
    await conformance.leavesNothing(async () => {
      await inGroups(["wait", "probe", "workDir", "finish"], 4, async (step) => {
        const controller = new AbortController();
        const backend = conformance.newBackend({ cleanupTimeoutMs });
        let reached = false;
        const setup = backend.setup({
          signal: controller.signal,
          onEvent: (event) => {
            if (event.type !== "step-started" || event.step !== step) return;
            reached = true;
            controller.abort();
          },
        });
        const outcome = await setup.then(
          () => undefined,
          (error: unknown) => error,
        );
        if (outcome !== undefined) {
          assertErrorCode(outcome, "ABORTED");
          assert.deepEqual(outcome.leaked, []);
        } else {
          // A backend need not have every step, and what is left of the last one may be nothing.
          assert.ok(!reached || step === "finish", `${step} was aborted, and setup resolved`);
        }
        conformance.release(backend);
      });
    });
  });

  conformance.add(
    area,
    "looks for nothing when it is aborted before it asks for a sandbox",
    async () => {
      const controller = new AbortController();
      const backend = conformance.newBackend();
      const startedAtMs = performance.now();
      const setup = backend.setup({
        signal: controller.signal,
        onEvent: () => controller.abort(),
      });
      const error = await conformance.sendsNoRequest(() =>
        conformance.rejects(setup, "ABORTED", { operation: "setup" }),
      );
      assert.deepEqual(error.leaked, []);
      const tookMs = performance.now() - startedAtMs;
      assert.ok(tookMs < conformance.patient(5_000), `rejected after ${tookMs} ms`);
    },
  );

  for (const how of ["teardown", "disposal"] as const) {
    conformance.add(area, `ends by a ${how} in its midst, and leaves nothing`, async () => {
      await conformance.leavesNothing(async () => {
        const backend = conformance.newBackend({ cleanupTimeoutMs });
        const ending: Promise<void>[] = [];
        const setup = backend.setup({
          onEvent: (event) => {
            if (event.type !== "sandbox-found") return;
            ending.push(how === "teardown" ? backend.teardown() : backend[Symbol.asyncDispose]());
          },
        });
        await conformance.rejects(setup, "ABORTED", { operation: "setup" });
        assert.equal(ending.length, 1);
        await Promise.all(ending);
        assert.equal(backend.sandboxId, undefined);
        await backend[Symbol.asyncDispose]();
      });
    });
  }

  conformance.add(area, "fails with what the listener throws, and leaves nothing", async () => {
    await conformance.leavesNothing(async () => {
      const backend = conformance.newBackend({ cleanupTimeoutMs });
      const setup = backend.setup({
        onEvent: (event) => {
          if (event.type === "sandbox-found") throw new Error("The listener has failed");
        },
      });
      await assert.rejects(setup, (error: Error) => {
        assertErrorCode(error, "SETUP_FAILED");
        assert.deepEqual(error.leaked, []);
        assertShowsNoSecret(error, conformance.secrets);
        return /The listener has failed/.test(`${error.message} ${error.cause}`);
      });
      assert.equal(backend.sandboxId, undefined);
      // The object is as good as new.
      await backend.setup();
      assert.equal((await backend.exec("echo set up")).stdout, "set up\n");
      conformance.release(backend);
    });
  });

  conformance.add(
    area,
    "fails for a working directory that cannot be made",
    async () => {
      await conformance.leavesNothing(async () => {
        const backend = conformance.newBackend({ workDir: "/dev/null/below", cleanupTimeoutMs });
        const error = await conformance.rejects(backend.setup(), "SETUP_FAILED", {
          operation: "setup",
        });
        assert.equal(error.step, "workDir");
        assert.match(error.message, /workDir/);
        assert.deepEqual(error.leaked, []);
        await backend[Symbol.asyncDispose]();
      });
    },
    conformance.withoutWorkDirChoice,
  );

  conformance.add(
    area,
    "leaves the sandbox for inspection when told to, and names it",
    async () => {
      const backend = conformance.newBackend({ keepOnFailure: true });
      const other = conformance.newBackend();
      try {
        const setup = backend.setup({
          onEvent: (event) => {
            if (event.type === "step-finished" && event.step === "probe") throw new Error("Enough");
          },
        });
        const error = await conformance.rejects(setup, "SETUP_FAILED", { operation: "setup" });
        const [left] = error.leaked;
        assert.equal(error.leaked.length, 1);
        assert.ok(left?.id !== undefined);
        assert.ok(error.message.includes(left.id));
        await other.reconnect(left.id);
        assert.equal((await other.exec("echo inspected", { cwd: "/" })).stdout, "inspected\n");
      } finally {
        conformance.release(other);
        conformance.release(backend);
      }
    },
  );

  conformance.add(area, "refuses options that make no sense", async () => {
    const backend = conformance.newBackend();
    await conformance.sendsNoRequest(async () => {
      for (const options of [{ timeoutMs: 0 }, { onEvent: "log" }, { signal: {} }, { retry: 3 }]) {
        const refused = backend.setup(options as Parameters<typeof backend.setup>[0]);
        await conformance.rejects(refused, "CONFIG_INVALID", { operation: "setup" });
      }
    });
  });
}

/** How long a setup takes here, so that aborts fall into all of its steps. */
async function setupDurationMs(conformance: Conformance): Promise<number> {
  const startedAtMs = performance.now();
  let durationMs = 0;
  await conformance.withSandbox(async () => {
    durationMs = performance.now() - startedAtMs;
  });
  return durationMs;
}
