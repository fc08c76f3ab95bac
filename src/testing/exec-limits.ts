import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Conformance } from "./conformance.ts";
import { eventually } from "./polling.ts";
import { markerOf } from "./process-marker.ts";

const area = "exec limits";
const mebibyte = 1_048_576;

/** Large output, and commands that are ended because they take too long or write too much. */
export function execLimitCases(conformance: Conformance): void {
  outputCases(conformance);
  timeoutCases(conformance);
}

function outputCases(conformance: Conformance): void {
  const sizes = conformance.options.thorough === true ? [10, 64] : [10];
  for (const size of sizes) {
    conformance.add(area, `returns ${size} MiB of random bytes unchanged`, async () => {
      const { backend, path } = await conformance.directory();
      const { stdout: sum } = await backend.exec(
        `head -c ${size * mebibyte} /dev/urandom >data; sha256sum data`,
        { cwd: path },
      );
      const result = await backend.exec("cat data; rm data", {
        cwd: path,
        maxOutputBytes: size * mebibyte,
      });
      assert.equal(result.stdoutBytes.length, size * mebibyte);
      const hash = createHash("sha256").update(result.stdoutBytes).digest("hex");
      assert.equal(hash, sum.slice(0, 64));
      assert.equal(result.truncated, false);
    });
  }

  conformance.add(area, "keeps head and tail above maxOutputBytes, and says so", async () => {
    const backend = await conformance.shared();
    const whole = Array.from({ length: 20_000 }, (_, index) => `${index + 1}\n`).join("");
    let heard = 0;
    const result = await backend.exec("seq 1 20000; echo short >&2", {
      maxOutputBytes: 10_000,
      onStdout: (chunk) => {
        heard += chunk.length;
      },
    });
    assert.equal(result.truncated, true);
    assert.ok(result.stdoutBytes.length <= 10_000, `${result.stdoutBytes.length} bytes are kept`);
    assert.ok(result.stdoutBytes.length >= 5_000, `${result.stdoutBytes.length} bytes are kept`);
    const kept = Buffer.from(result.stdoutBytes).toString();
    assert.ok(whole.startsWith(kept.slice(0, 2_000)), "the head is kept");
    assert.ok(whole.endsWith(kept.slice(-2_000)), "the tail is kept");
    assert.equal(result.stderr, "short\n");
    assert.equal(heard, whole.length, "the listener hears all of it");
  });

  conformance.add(area, "does not cut output of exactly maxOutputBytes", async () => {
    const backend = await conformance.shared();
    const result = await backend.exec("printf 1234567890", { maxOutputBytes: 10 });
    assert.equal(result.stdout, "1234567890");
    assert.equal(result.truncated, false);
  });

  conformance.add(area, "ends a command that writes more than maxLogBytes", async () => {
    const backend = await conformance.shared();
    const marker = markerOf("log-limit");
    const error = await conformance.rejects(
      backend.exec("yes", { maxLogBytes: mebibyte, env: marker.env }),
      "OUTPUT_LIMIT",
      { operation: "exec", sandboxId: backend.sandboxId },
    );
    assert.equal(error.limitBytes, mebibyte);
    await eventually("The end of the command", conformance.patient(10_000), async () => {
      return (await marker.processes(backend)) === 0;
    });
  });

  conformance.add(area, "refuses limits that are not positive integers", async () => {
    const backend = await conformance.shared();
    await conformance.sendsNoRequest(async () => {
      for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "5" as never]) {
        for (const name of ["timeoutMs", "maxOutputBytes", "maxLogBytes"]) {
          const error = await conformance.rejects(
            backend.exec("true", { [name]: limit }),
            "CONFIG_INVALID",
            { operation: "exec" },
          );
          assert.equal(error.path, name);
        }
      }
    });
  });
}

function timeoutCases(conformance: Conformance): void {
  const timeoutMs = conformance.patient(1_500);
  const scripts: ReadonlyArray<readonly [what: string, script: string]> = [
    ["its children too", "echo begun; echo why >&2; sleep 300 & sleep 300; echo never"],
    [
      "one that ignores SIGTERM",
      "trap '' TERM; echo begun; echo why >&2; while :; do sleep 1; done",
    ],
    [
      "a child in a session of its own",
      "command -v setsid >/dev/null && setsid sleep 300 & echo begun; echo why >&2; sleep 300",
    ],
  ];
  for (const [what, script] of scripts) {
    conformance.add(area, `ends a command after timeoutMs, ${what}`, async () => {
      const backend = await conformance.shared();
      const marker = markerOf("timeout");
      const startedAtMs = performance.now();
      const error = await conformance.rejects(
        backend.exec(script, { timeoutMs, env: marker.env }),
        "COMMAND_TIMEOUT",
        { operation: "exec", sandboxId: backend.sandboxId },
      );
      assert.equal(error.timeoutMs, timeoutMs);
      assert.equal(error.terminated, true);
      assert.equal(error.stdout, "begun\n");
      assert.equal(error.stderr, "why\n");
      const tookMs = performance.now() - startedAtMs;
      assert.ok(tookMs >= timeoutMs * 0.95, `rejected after ${tookMs} ms`);
      assert.ok(tookMs < timeoutMs + conformance.patient(25_000), `rejected after ${tookMs} ms`);
      // `terminated` says that the end is proven, so there is nothing to wait for.
      assert.equal(await marker.processes(backend), 0);
    });
  }

  conformance.add(area, "lets a command that is fast enough finish", async () => {
    const backend = await conformance.shared();
    const { stdout } = await backend.exec("sleep 0.5; echo done", {
      timeoutMs: conformance.patient(20_000),
    });
    assert.equal(stdout, "done\n");
  });
}
