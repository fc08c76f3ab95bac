import assert from "node:assert/strict";
import type { Backend } from "../contract/backend.ts";
import type { SandboxProcess } from "../contract/process.ts";
import type { Conformance } from "./conformance.ts";
import { eventually } from "./polling.ts";
import { markerOf } from "./process-marker.ts";
import { textOf } from "./read-stream.ts";

const area = "spawn";

/** Processes that go on without their host: output, end, signals and lists. */
export function spawnCases(conformance: Conformance): void {
  conformance.add(area, "streams both outputs and tells the end", async () => {
    const backend = await conformance.shared();
    const child = await backend.spawn("echo one; sleep 0.3; echo two; echo oops >&2; exit 7");
    assert.match(child.id, /^[A-Za-z0-9]{1,64}$/);
    const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
    assert.equal(stdout, "one\ntwo\n");
    assert.equal(stderr, "oops\n");
    assert.deepEqual(await child.wait(), {
      exitCode: 7,
      signal: undefined,
      leftBackgroundProcesses: false,
    });
    assert.deepEqual([child.stdoutOffset, child.stderrOffset], [8, 5]);
  });

  conformance.add(area, "hands out what is written while the process runs", async () => {
    const backend = await conformance.shared();
    const child = await backend.spawn(["sh", "-c", "echo first; sleep 300"]);
    const reader = child.stdout.getReader();
    assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), "first\n");
    assert.equal(await child.kill(), true);
    assert.equal((await reader.read()).done, true);
  });

  conformance.add(area, "runs where and with what it is told to", async () => {
    const { backend, path } = await conformance.directory();
    const child = await backend.spawn('pwd; printf "%s" "$WORD"', {
      cwd: path,
      env: { WORD: "a 'quoted' word" },
    });
    assert.equal(await textOf(child.stdout), `${path}\na 'quoted' word`);
  });

  conformance.add(area, "rejects for a directory that is not there", async () => {
    const { backend, path } = await conformance.directory();
    const refused = backend.spawn("echo ran", { cwd: `${path}/none` });
    const error = await conformance.rejects(refused, "WORKING_DIRECTORY_NOT_FOUND", {
      operation: "spawn",
      sandboxId: backend.sandboxId,
    });
    assert.equal(error.cwd, `${path}/none`);
  });

  conformance.add(area, "keeps what nobody reads, and gives it later", async () => {
    const backend = await conformance.shared();
    const child = await backend.spawn("head -c 3000000 /dev/zero | tr '\\0' x");
    await child.wait();
    let received = 0;
    for await (const chunk of child.stdout) received += chunk.length;
    assert.equal(received, 3_000_000);
  });

  conformance.add(area, "gives parts of the output by their offset", async () => {
    const backend = await conformance.shared();
    const child = await backend.spawn("printf 0123456789; printf err >&2; sleep 300");
    await eventually("The output", conformance.patient(20_000), async () => {
      return (await child.output()).sizeBytes === 10;
    });
    const part = await child.output(3, { maxBytes: 4 });
    assert.equal(Buffer.from(part.bytes).toString(), "3456");
    assert.equal(part.nextOffset, 7);
    assert.equal((await child.output(10)).bytes.length, 0);
    const error = await child.output(1, { stream: "stderr" });
    assert.equal(Buffer.from(error.bytes).toString(), "rr");
    await child.kill();
  });

  conformance.add(area, "calls back in order, before its wait resolves", async () => {
    const backend = await conformance.shared();
    let stdout = "";
    let stderr = "";
    const child = await backend.spawn("for i in 1 2 3; do echo $i; sleep 0.1; done; echo e >&2", {
      onStdout: (chunk) => {
        stdout += Buffer.from(chunk).toString();
      },
      onStderr: (chunk) => {
        stderr += Buffer.from(chunk).toString();
      },
    });
    await child.wait();
    assert.deepEqual([stdout, stderr], ["1\n2\n3\n", "e\n"]);
  });

  conformance.add(area, "sends a signal, and says when nobody is left", async () => {
    const backend = await conformance.shared();
    const child = await backend.spawn(
      "trap 'echo bye; exit 9' INT; echo up; while :; do sleep 0.1; done",
    );
    const reader = child.stdout.getReader();
    assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), "up\n");
    assert.equal(await child.kill("SIGINT"), true);
    assert.equal((await child.wait()).exitCode, 9);
    assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), "bye\n");
    assert.equal(await child.kill("SIGINT"), false);
    assert.equal(await child.kill(), false);
  });

  conformance.add(area, "ends a process with its children, and proves it", async () => {
    const backend = await conformance.shared();
    const marker = markerOf("kill");
    const child = await backend.spawn("trap '' TERM; sleep 300 & sleep 301; sleep 302", {
      env: marker.env,
    });
    await eventually("The children", conformance.patient(20_000), async () => {
      return (await marker.processes(backend)) >= 3;
    });
    assert.equal(await child.kill(), true);
    assert.equal(await marker.processes(backend), 0);
    const { exitCode, signal } = await child.wait();
    assert.deepEqual([exitCode, signal], [137, "SIGKILL"]);
  });

  conformance.add(area, "kills what writes more than it may", async () => {
    const backend = await conformance.shared();
    const marker = markerOf("flood");
    const child = await backend.spawn("yes", { env: marker.env, maxLogBytes: 200_000 });
    const error = await conformance.rejects(child.wait(), "OUTPUT_LIMIT", {
      operation: "process.wait",
      sandboxId: backend.sandboxId,
    });
    assert.equal(error.limitBytes, 200_000);
    assert.equal(await marker.processes(backend), 0);
  });

  conformance.add(area, "lets a wait end without the process", async () => {
    const backend = await conformance.shared();
    const child = await backend.spawn("sleep 300");
    const expected = { operation: "process.wait", sandboxId: backend.sandboxId };
    await conformance.rejects(child.wait({ timeoutMs: 500 }), "TIMEOUT", expected);
    const controller = new AbortController();
    const waiting = child.wait({ signal: controller.signal });
    controller.abort(new Error("Enough"));
    await conformance.rejects(waiting, "ABORTED", expected);
    assert.equal((await infoOf(backend, child))?.state, "running");
    await child.kill();
  });

  conformance.add(area, "lists what runs and what has ended", async () => {
    const backend = await conformance.shared();
    const running = await backend.spawn("sleep 300 # to be listed");
    const ended = await backend.spawn("exit 3");
    await ended.wait();
    const info = await infoOf(backend, running);
    assert.equal(info?.state, "running");
    assert.equal(info.exitCode, undefined);
    assert.equal(info.startedBy, "spawn");
    assert.equal(info.commandLine, "sleep 300 # to be listed");
    assert.ok(info.startedAt === undefined || info.startedAt instanceof Date);
    const endedInfo = await infoOf(backend, ended);
    assert.deepEqual([endedInfo?.state, endedInfo?.exitCode], ["exited", 3]);
    await running.kill();
    assert.equal((await infoOf(backend, running))?.state, "exited");
  });

  conformance.add(area, "refuses wrong arguments without a request", async () => {
    const backend = await conformance.shared();
    const child = await backend.spawn("sleep 300", { stdin: "open" });
    const wrong: [path: string, operation: string, call: () => Promise<unknown>][] = [
      ["command", "spawn", () => backend.spawn("")],
      ["id", "spawn", () => backend.spawn("true", { id: "no blanks" })],
      ["user", "spawn", () => backend.spawn("true", { user: "a;b" })],
      ["stdin", "spawn", () => backend.spawn("true", { stdin: "text" as never })],
      ["maxLogBytes", "spawn", () => backend.spawn("true", { maxLogBytes: 0 })],
      ["processId", "attachProcess", () => backend.attachProcess("../etc")],
      ["stdoutOffset", "attachProcess", () => backend.attachProcess("a", { stdoutOffset: -1 })],
      ["signal", "process.kill", () => child.kill("SIGNOPE" as never)],
      ["data", "process.write", () => child.write(5 as never)],
      ["offset", "process.output", () => child.output(-1)],
      ["maxBytes", "process.output", () => child.output(0, { maxBytes: 0 })],
    ];
    await conformance.sendsNoRequest(async () => {
      for (const [path, operation, call] of wrong) {
        const error = await conformance.rejects(call(), "CONFIG_INVALID", { operation });
        assert.equal(error.path, path);
      }
    });
    await child.kill();
  });

  conformance.add(area, "leaves nothing of a start that is aborted", async () => {
    const backend = await conformance.shared();
    const marker = markerOf("spawn-abort");
    for (const afterMs of [0, 10, 40, 120]) {
      const options = { env: marker.env, signal: AbortSignal.timeout(afterMs) };
      // A start that is faster than the abort has succeeded, and its caller must end it.
      const child = await backend.spawn("sleep 300", options).catch(() => undefined);
      await child?.kill();
    }
    await eventually("The end of the processes", conformance.patient(20_000), async () => {
      return (await marker.processes(backend)) === 0;
    });
  });
}

async function infoOf(backend: Backend, child: SandboxProcess) {
  return (await backend.listProcesses()).find(({ id }) => id === child.id);
}
