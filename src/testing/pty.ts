import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import type { Backend } from "../contract/backend.ts";
import type { Pty } from "../contract/pty.ts";
import type { Conformance } from "./conformance.ts";
import { eventually } from "./polling.ts";
import { markerOf } from "./process-marker.ts";
import { hashOf } from "./read-stream.ts";
import { watchTerminal } from "./terminal-watch.ts";

const area = "pty";
const size = { rows: 30, cols: 100 } as const;

/** Terminals: what runs in them, their size, input, output and end. */
export function ptyCases(conformance: Conformance): void {
  conformance.add(area, "runs a command in a terminal of the size that was asked for", async () => {
    const backend = await conformance.shared();
    const pty = await backend.attachPty({ ...size, command: "tty; stty size; exit 7" });
    const shown = await textOf(pty);
    assert.match(shown, /^\/dev\/[^\r\n]+\r\n30 100\r\n$/);
    assert.deepEqual(await pty.wait(), { exitCode: 7, signal: undefined });
    assert.equal(pty.offset, Buffer.byteLength(shown));
  });

  conformance.add(area, "gives a command its arguments, directory and environment", async () => {
    const { backend, path } = await conformance.directory();
    const pty = await backend.attachPty({
      ...size,
      command: ["sh", "-c", 'pwd; echo "$0 $WORD $TERM"', "it's"],
      cwd: path,
      env: { WORD: "a 'quoted' word" },
    });
    assert.equal(await textOf(pty), `${path}\r\nit's a 'quoted' word xterm-256color\r\n`);
  });

  conformance.add(area, "is a shell to type into unless told otherwise", async () => {
    const backend = await conformance.shared();
    const pty = await backend.attachPty(size);
    const terminal = watchTerminal(pty);
    await pty.write("echo $((40 + 2)) typed\r");
    await terminal.shows("42 typed", conformance.patient(20_000));
    await pty.write("exit 3\r");
    assert.equal((await pty.wait()).exitCode, 3);
    await terminal.ended;
  });

  conformance.add(
    area,
    "tells the program when its size changes, and keeps the last one",
    async () => {
      const backend = await conformance.shared();
      const pty = await backend.attachPty({
        ...size,
        command: "trap 'stty size' WINCH; echo up; while :; do sleep 0.1; done",
      });
      const terminal = watchTerminal(pty);
      await terminal.shows("up", conformance.patient(20_000));
      await Promise.all([pty.resize(31, 101), pty.resize(32, 102), pty.resize(40, 120)]);
      await terminal.shows("40 120", conformance.patient(20_000));
      await pty.kill();
    },
  );

  conformance.add(area, "takes control characters as a terminal does", async () => {
    const backend = await conformance.shared();
    const pty = await backend.attachPty({
      ...size,
      command: "trap 'echo interrupted; exit 9' INT; echo up; while :; do sleep 0.1; done",
    });
    const terminal = watchTerminal(pty);
    await terminal.shows("up", conformance.patient(20_000));
    await pty.write(new Uint8Array([3]));
    assert.equal((await pty.wait()).exitCode, 9);
    await terminal.ended;
    assert.match(terminal.text, /interrupted/);
  });

  conformance.add(area, "shows any bytes as they are", async () => {
    const { backend, path } = await conformance.directory();
    await backend.exec("head -c 300000 /dev/urandom >data", { cwd: path });
    const pty = await backend.attachPty({ ...size, command: "stty -opost; cat data", cwd: path });
    const { stdout } = await backend.exec("sha256sum <data", { cwd: path });
    const { hash, sizeBytes } = await hashOf(pty.output);
    assert.equal(sizeBytes, 300_000);
    assert.ok(stdout.startsWith(hash));
  });

  conformance.add(area, "types any bytes, and a long paste whole", async () => {
    const backend = await conformance.shared();
    const bytes = randomBytes(400_000);
    const pty = await backend.attachPty({
      ...size,
      command: `stty raw -echo; echo ready; head -c ${bytes.length} | sha256sum`,
    });
    const terminal = watchTerminal(pty);
    await terminal.shows("ready", conformance.patient(20_000));
    await pty.write(bytes);
    await terminal.ended;
    assert.ok(terminal.text.includes(createHash("sha256").update(bytes).digest("hex")));
  });

  conformance.add(area, "never splits a character of its text", async () => {
    const backend = await conformance.shared();
    const command = 'for b in 360 237 220 263 342 202 254; do printf "\\\\$b"; sleep 0.1; done';
    const pty = await backend.attachPty({ ...size, command });
    assert.equal(await textOf(pty), "🐳€");
  });

  conformance.add(area, "keeps what nobody reads, and gives it later", async () => {
    const backend = await conformance.shared();
    const pty = await backend.attachPty({
      ...size,
      command: "stty -opost; head -c 3000000 /dev/zero | tr '\\0' x",
    });
    assert.equal((await pty.wait()).exitCode, 0);
    assert.equal((await hashOf(pty.output)).sizeBytes, 3_000_000);
  });

  conformance.add(area, "ends with all its processes, and proves it", async () => {
    const backend = await conformance.shared();
    const marker = markerOf("pty-kill");
    const pty = await backend.attachPty({
      ...size,
      command: "trap '' TERM HUP; sleep 300 & sleep 301; sleep 302",
      env: marker.env,
    });
    await eventually("The children", conformance.patient(20_000), async () => {
      return (await marker.processes(backend)) >= 3;
    });
    assert.equal(await pty.kill(), true);
    assert.equal(await marker.processes(backend), 0);
    assert.notEqual((await pty.wait()).exitCode, 0);
    assert.equal(await pty.kill(), false);
  });

  conformance.add(area, "refuses wrong arguments without a request", async () => {
    const backend = await conformance.shared();
    const pty = await backend.attachPty({ ...size, command: "sleep 300" });
    const wrong: [path: string, operation: string, call: () => Promise<unknown>][] = [
      ["rows", "attachPty", () => backend.attachPty({ rows: 0, cols: 80 })],
      ["cols", "attachPty", () => backend.attachPty({ rows: 24, cols: -1 })],
      ["cols", "attachPty", () => backend.attachPty({ rows: 24, cols: 1_001 })],
      ["rows", "attachPty", () => backend.attachPty({ rows: 1.5, cols: 80 })],
      ["command", "attachPty", () => backend.attachPty({ ...size, command: "" })],
      ["id", "attachPty", () => backend.attachPty({ ...size, id: "a b" })],
      ["id", "attachPty", () => backend.attachPty({ ...size, create: false })],
      ["replayFrom", "attachPty", () => backend.attachPty({ ...size, replayFrom: -1 })],
      ["rows", "pty.resize", () => pty.resize(0, 80)],
      ["cols", "pty.resize", () => pty.resize(24, 2_000)],
      ["data", "pty.write", () => pty.write(5 as never)],
    ];
    await conformance.sendsNoRequest(async () => {
      for (const [path, operation, call] of wrong) {
        const error = await conformance.rejects(call(), "CONFIG_INVALID", { operation });
        assert.equal(error.path, path);
      }
    });
    await pty.kill();
  });

  conformance.add(area, "is a Node stream as well", async () => {
    const backend = await conformance.shared();
    const pty = await backend.attachPty({ ...size, command: "read -r line; echo got $line" });
    const duplex = pty.toDuplex();
    let shown = "";
    duplex.on("data", (chunk: Buffer) => {
      shown += chunk.toString();
    });
    const ended = new Promise((resolve) => duplex.once("end", resolve));
    duplex.write("one\r");
    await ended;
    assert.match(shown, /got one/);
  });

  conformance.add(area, "rejects what is typed after the end", async () => {
    const backend = await conformance.shared();
    const pty = await backend.attachPty({ ...size, command: "exit 0" });
    await pty.wait();
    await conformance.rejects(pty.write("more"), "SANDBOX_STATE", {
      operation: "pty.write",
      sandboxId: backend.sandboxId,
    });
    await conformance.rejects(pty.resize(20, 20), "SANDBOX_STATE", { operation: "pty.resize" });
  });

  conformance.add(area, "lists the terminals that run and that have ended", async () => {
    const backend = await conformance.shared();
    const running = await backend.attachPty({ ...size, command: "sleep 300" });
    const ended = await backend.attachPty({ ...size, command: "exit 4" });
    await ended.wait();
    assert.equal((await infoOf(backend, running))?.state, "running");
    const info = await infoOf(backend, ended);
    assert.deepEqual([info?.state, info?.exitCode], ["exited", 4]);
    const process = (await backend.listProcesses()).find(({ id }) => id === running.id);
    assert.equal(process?.startedBy, "attachPty");
    await running.kill();
  });
}

async function textOf(pty: Pty): Promise<string> {
  let text = "";
  for await (const part of pty.text()) text += part;
  return text;
}

async function infoOf(backend: Backend, pty: Pty) {
  return (await backend.listPtys()).find(({ id }) => id === pty.id);
}
