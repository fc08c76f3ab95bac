import assert from "node:assert/strict";
import type { Conformance } from "./conformance.ts";
import { inGroups } from "./in-groups.ts";

const area = "exec";
const notableExitCodes = [
  0, 1, 2, 3, 42, 63, 64, 100, 113, 124, 125, 126, 127, 128, 129, 130, 137, 143, 200, 254, 255,
];
const everyExitCode = Array.from({ length: 256 }, (_, exitCode) => exitCode);

/** How a command runs and how its end is told. */
export function execCases(conformance: Conformance): void {
  conformance.add(area, "tells standard output and standard error apart", async () => {
    const backend = await conformance.shared();
    const result = await backend.exec("echo to-stdout; echo to-stderr >&2");
    assert.equal(result.stdout, "to-stdout\n");
    assert.equal(result.stderr, "to-stderr\n");
    assert.equal(result.exitCode, 0);
    assert.equal(result.signal, undefined);
    assert.equal(result.truncated, false);
    assert.ok(result.durationMs > 0 && result.durationMs < conformance.patient(60_000));
  });

  const exitCodes = conformance.options.thorough === true ? everyExitCode : notableExitCodes;
  conformance.add(area, `returns ${exitCodes.length} exit codes as they are`, async () => {
    const backend = await conformance.shared();
    await inGroups(exitCodes, 8, async (exitCode) => {
      const result = await backend.exec(`exit ${exitCode}`, { check: false });
      assert.equal(result.exitCode, exitCode);
      // The shell's own way to say 128 + n proves no signal.
      assert.equal(result.signal, undefined);
    });
  });

  conformance.add(
    area,
    "rejects for an exit code that is not 0, with the whole result",
    async () => {
      const backend = await conformance.shared();
      const error = await conformance.rejects(
        backend.exec("echo partial; echo why >&2; exit 7"),
        "COMMAND_FAILED",
        { operation: "exec", sandboxId: backend.sandboxId },
      );
      assert.equal(error.exitCode, 7);
      assert.equal(error.result.exitCode, 7);
      assert.equal(error.result.stdout, "partial\n");
      assert.equal(error.result.stderr, "why\n");
      assert.match(error.message, /7/);
    },
  );

  conformance.add(area, "returns the result of any exit code when check is false", async () => {
    const backend = await conformance.shared();
    const result = await backend.exec("echo partial; exit 7", { check: false });
    assert.equal(result.exitCode, 7);
    assert.equal(result.stdout, "partial\n");
  });

  conformance.add(area, "tells a death by signal n as exit code 128 + n", async () => {
    const backend = await conformance.shared();
    const signals = [
      ["TERM", 143],
      ["KILL", 137],
      ["INT", 130],
      ["SEGV", 139],
    ] as const;
    await inGroups(signals, 4, async ([signal, exitCode]) => {
      const forms = [`kill -${signal} $$`, ["sh", "-c", `kill -${signal} $$`]];
      for (const command of forms) {
        const result = await backend.exec(command, { check: false });
        assert.equal(result.exitCode, exitCode, `${signal}`);
        assert.ok(
          result.signal === undefined || result.signal === `SIG${signal}`,
          `signal is ${result.signal} after SIG${signal}`,
        );
      }
    });
  });

  conformance.add(area, "runs 20 commands at once without mixing them up", async () => {
    const backend = await conformance.shared();
    const numbers = Array.from({ length: 20 }, (_, index) => index);
    const results = await Promise.all(
      numbers.map((number) =>
        backend.exec(
          `i=0; while [ $i -lt 50 ]; do echo out-${number}; echo err-${number} >&2; i=$((i+1)); done; exit ${number}`,
          { check: false },
        ),
      ),
    );
    for (const [number, result] of results.entries()) {
      assert.equal(result.exitCode, number);
      assert.equal(result.stdout, `out-${number}\n`.repeat(50));
      assert.equal(result.stderr, `err-${number}\n`.repeat(50));
    }
  });

  conformance.add(
    area,
    "ends with the command, not with a child that holds its output",
    async () => {
      const backend = await conformance.shared();
      const { stdout } = await backend.exec("sleep 120 & echo $!", {
        timeoutMs: conformance.patient(30_000),
      });
      const pid = stdout.trim();
      assert.match(pid, /^[0-9]+$/);
      // It lives on: the end of a command kills nothing.
      await backend.exec(`kill -0 ${pid} && kill ${pid}`);
    },
  );

  conformance.add(area, "gives each command a shell of its own", async () => {
    const { backend, path } = await conformance.directory();
    await backend.exec("cd /; LEFT=behind; export LEFT; umask 0; exec 3>&1", { cwd: path });
    const result = await backend.exec('pwd; echo "[$LEFT]"', { cwd: path });
    assert.equal(result.stdout, `${path}\n[]\n`);
  });

  conformance.add(area, "gives a command no terminal", async () => {
    const backend = await conformance.shared();
    const { stdout } = await backend.exec("for fd in 0 1 2; do [ -t $fd ] || echo $fd; done");
    assert.equal(stdout, "0\n1\n2\n");
  });

  conformance.add(area, "leaves no file of its own in the working directory", async () => {
    const { backend, path } = await conformance.directory();
    await backend.exec("true", { cwd: path, stdin: "input" });
    assert.deepEqual(await backend.listFiles(path), []);
  });

  if (conformance.options.thorough === true) {
    conformance.add(area, "waits for a command that says nothing for half a minute", async () => {
      const backend = await conformance.shared();
      const result = await backend.exec("sleep 35; echo done; exit 5", { check: false });
      assert.equal(result.stdout, "done\n");
      assert.equal(result.exitCode, 5);
    });
  }
}
