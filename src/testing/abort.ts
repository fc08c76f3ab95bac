import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import type { Conformance } from "./conformance.ts";
import { insideOperations, plantFilesFor } from "./operations.ts";
import { eventually } from "./polling.ts";
import { markerOf } from "./process-marker.ts";

const area = "abort";

/** The caller's signal and timeouts, of every method. What `setup` does with them is in the area of setup failures. */
export function abortCases(conformance: Conformance): void {
  conformance.add(area, "rejects before any request when the signal is aborted", async () => {
    const { backend, path } = await conformance.directory();
    const signal = AbortSignal.abort(new Error("Not today"));
    await conformance.sendsNoRequest(async () => {
      for (const operation of insideOperations) {
        await conformance.rejects(operation.call(backend, path, { signal }), "ABORTED", {
          operation: operation.name,
        });
      }
      for (const name of ["status", "start", "stop", "teardown"] as const) {
        await conformance.rejects(backend[name]({ signal }), "ABORTED", { operation: name });
      }
      const fresh = conformance.newBackend();
      await conformance.rejects(fresh.setup({ signal }), "ABORTED", { operation: "setup" });
      const reconnecting = fresh.reconnect(backend.sandboxId ?? "", { signal });
      await conformance.rejects(reconnecting, "ABORTED", { operation: "reconnect" });
      assert.equal(fresh.sandboxId, undefined);
    });
    assert.equal((await backend.status()).state, "running");
  });

  conformance.add(area, "refuses timeouts that are not positive integers", async () => {
    const { backend, path } = await conformance.directory();
    await conformance.sendsNoRequest(async () => {
      for (const timeoutMs of [0, -1, 1.5, Number.NaN, "1000" as never]) {
        for (const operation of insideOperations) {
          const refused = operation.call(backend, path, { timeoutMs });
          const error = await conformance.rejects(refused, "CONFIG_INVALID", {
            operation: operation.name,
          });
          assert.equal(error.path, "timeoutMs");
        }
      }
    });
  });

  conformance.add(area, "refuses options that do not exist", async () => {
    const { backend, path } = await conformance.directory();
    const options = { timeoutMs: 60_000, timeout: 5 } as { timeoutMs: number };
    await conformance.sendsNoRequest(async () => {
      for (const operation of insideOperations) {
        await conformance.rejects(operation.call(backend, path, options), "CONFIG_INVALID", {
          operation: operation.name,
        });
      }
    });
  });

  conformance.add(area, "ends a command that is aborted, and leaves others alone", async () => {
    const backend = await conformance.shared();
    const marker = markerOf("abort");
    const controller = new AbortController();
    let started = false;
    const running = backend.exec("echo started; sleep 300 & sleep 300", {
      signal: controller.signal,
      env: marker.env,
      onStdout: () => {
        started = true;
      },
    });
    running.catch(() => {});
    const other = backend.exec("sleep 2; echo unharmed");
    other.catch(() => {});
    await eventually("The start", conformance.patient(20_000), async () => started);
    controller.abort(new Error("The user has closed the tab"));
    const error = await conformance.rejects(running, "ABORTED", {
      operation: "exec",
      sandboxId: backend.sandboxId,
    });
    assert.match(String((error.cause as Error | undefined)?.message), /closed the tab/);
    await eventually("The end of the command", conformance.patient(15_000), async () => {
      return (await marker.processes(backend)) === 0;
    });
    assert.equal((await other).stdout, "unharmed\n");
  });

  conformance.add(area, "ends a command that is aborted in its first moments", async () => {
    const backend = await conformance.shared();
    const marker = markerOf("early-abort");
    for (const afterMs of [0, 5, 20, 60, 150]) {
      const running = backend.exec("sleep 300", {
        signal: AbortSignal.timeout(afterMs),
        env: marker.env,
      });
      await conformance.rejects(running, "ABORTED", { operation: "exec" });
    }
    // A request in flight may still begin after the abort, so the proof waits until all is quiet.
    await eventually("The end of the commands", conformance.patient(20_000), async () => {
      return (await marker.processes(backend)) === 0;
    });
  });

  conformance.add(area, "stops a stream that is aborted halfway", async () => {
    const { backend, path } = await conformance.directory();
    await backend.exec("head -c 20000000 /dev/zero >file", { cwd: path });
    const controller = new AbortController();
    const stream = await backend.readFileStream(`${path}/file`, { signal: controller.signal });
    const reader = stream.getReader();
    assert.ok(((await reader.read()).value?.length ?? 0) > 0);
    controller.abort();
    const readToEnd = async (): Promise<void> => {
      while (!(await reader.read()).done);
    };
    await conformance.rejects(readToEnd(), "ABORTED", { operation: "readFileStream" });
    await backend.remove(`${path}/file`);
  });

  for (const [how, code] of [
    ["aborted", "ABORTED"],
    ["too slow", "TIMEOUT"],
  ] as const) {
    conformance.add(area, `keeps the old file when a write is ${how}`, async () => {
      const { backend, path } = await conformance.directory();
      await backend.writeFile(`${path}/file`, "old");
      const controller = new AbortController();
      async function* endless(): AsyncGenerator<Uint8Array> {
        yield Buffer.from("new");
        if (code === "ABORTED") controller.abort();
        // The source is stuck, and only the abort or the timeout ends the write.
        await new Promise(() => {});
      }
      const options =
        code === "ABORTED"
          ? { signal: controller.signal }
          : { timeoutMs: conformance.patient(1_000) };
      await conformance.rejects(backend.writeFile(`${path}/file`, endless(), options), code, {
        operation: "writeFile",
        sandboxId: backend.sandboxId,
      });
      assert.equal(await backend.readFile(`${path}/file`, { encoding: "utf8" }), "old");
      await eventually("No temporary file", conformance.patient(10_000), async () => {
        return (await backend.listFiles(path)).length === 1;
      });
    });
  }

  conformance.add(area, "leaves no listener on the caller's signal", async () => {
    const { backend, path } = await conformance.directory();
    await plantFilesFor(backend, path);
    const { signal } = new AbortController();
    for (const operation of insideOperations) await operation.call(backend, path, { signal });
    await backend.status({ signal });
    await backend.exec("exit 1", { signal, check: false });
    assert.equal(getEventListeners(signal, "abort").length, 0);
  });
}
