import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { SandboxError } from "../contract/sandbox-error.ts";
import type { Conformance } from "./conformance.ts";
import { markerOf } from "./process-marker.ts";

const area = "exec-input";

/** Streams as standard input, other users, and what a command leaves running. */
export function execInputCases(conformance: Conformance): void {
  conformance.add(area, "feeds a command from a stream, byte for byte", async () => {
    const backend = await conformance.shared();
    const hash = createHash("sha256");
    async function* source(): AsyncGenerator<Uint8Array> {
      for (let count = 0; count < 12; count += 1) {
        const chunk = randomBytes(90_001);
        hash.update(chunk);
        yield chunk;
      }
    }
    const { stdout } = await backend.exec("sha256sum", { stdin: source() });
    assert.ok(stdout.startsWith(hash.digest("hex")));
    const stream = new Blob(["from a web stream"]).stream();
    assert.equal((await backend.exec("cat", { stdin: stream })).stdout, "from a web stream");
  });

  conformance.add(area, "stops reading a stream when the command has ended", async () => {
    const backend = await conformance.shared();
    let isReturned = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          yield Buffer.from("line\n");
          await delay(20);
        }
      } finally {
        isReturned = true;
      }
    }
    assert.equal((await backend.exec("head -n 2", { stdin: endless() })).stdout, "line\nline\n");
    await delay(100);
    assert.equal(isReturned, true);
  });

  conformance.add(area, "ends a command whose stream fails", async () => {
    const backend = await conformance.shared();
    const marker = markerOf("failing-stream");
    const thrown = new Error("The source is gone");
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("first\n");
      throw thrown;
    }
    const running = backend.exec("cat; sleep 300", { stdin: failing(), env: marker.env });
    await assert.rejects(running, (error) => error === thrown);
    assert.equal(await marker.processes(backend), 0);
  });

  conformance.add(area, "runs as another user, or says that it cannot", async (skip) => {
    const { backend, path } = await conformance.directory();
    await backend.exec(["chmod", "777", path]);
    let stdout: string;
    try {
      ({ stdout } = await backend.exec("id -un; : >made", { user: "nobody", cwd: path }));
    } catch (error) {
      const isRefusal =
        SandboxError.is(error) &&
        (error.code === "UNSUPPORTED_OPERATION" || error.code === "CONFIG_INVALID");
      if (!isRefusal) throw error;
      assert.equal(await backend.exists(`${path}/made`), false);
      return skip("this sandbox cannot run commands as nobody, and says so");
    }
    assert.equal(stdout, "nobody\n");
    const owner = await backend.exec("find made -user nobody", { cwd: path });
    assert.equal(owner.stdout, "made\n");
  });

  conformance.add(area, "rejects for a user that does not exist, and runs nothing", async () => {
    const { backend, path } = await conformance.directory();
    const refused = backend.exec(": >made", { user: "nosuchuser", cwd: path });
    const error = await conformance.rejects(refused, "CONFIG_INVALID", { operation: "exec" });
    assert.equal(error.path, "user");
    assert.equal(await backend.exists(`${path}/made`), false);
  });

  conformance.add(area, "says when processes were left in the background", async () => {
    const backend = await conformance.shared();
    const marker = markerOf("background");
    const left = await backend.exec("sleep 300 & echo started", { env: marker.env });
    assert.equal(left.stdout, "started\n");
    assert.equal(left.leftBackgroundProcesses, true);
    assert.notEqual(await marker.processes(backend), 0);
    await backend.exec("kill $PID", { env: { PID: await pidOf(backend, marker.env) } });
    // What ends within a moment still belongs to the command.
    const soon = await backend.exec("(sleep 0.1; echo late) & echo first");
    assert.equal(soon.stdout, "first\nlate\n");
    assert.equal(soon.leftBackgroundProcesses, false);
  });
}

async function pidOf(
  backend: Awaited<ReturnType<Conformance["shared"]>>,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const [value] = Object.values(env);
  const { stdout } = await backend.exec(
    `for p in /proc/[0-9]*; do tr '\\0' '\\n' <$p/environ 2>/dev/null | grep -q '=${value}$' && echo \${p#/proc/}; done; true`,
  );
  return stdout.trim();
}
