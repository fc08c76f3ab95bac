import { createHash } from "node:crypto";
import { describe, test } from "vitest";
import type { FaultEffect } from "../../src/emulator/index.ts";
import { CompletionUnknownError, SandboxLostError } from "../../src/index.ts";
import { hashOf } from "../../src/testing/read-stream.ts";
import { watchTerminal } from "../../src/testing/terminal-watch.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { until } from "../helpers/until.ts";
import { FaultOutcomes } from "./command-outcomes.ts";
import { randomNumbers } from "./command-random.ts";

const withEmulator = emulatorsOfFile();
const outcomes = FaultOutcomes.ofFile("Terminals under faults");
const size = { rows: 24, cols: 80 } as const;
const connectRoute = { path: "/toolbox/{sandboxId}/process/pty/{sessionId}/connect" } as const;

/** Prints numbered lines for about two seconds, now and then in a burst, and ends with 5. */
const chatter =
  "i=0; while [ $i -lt 40 ]; do i=$((i + 1)); echo line $i; [ $((i % 10)) != 0 ] || seq 20000 | head -c 60000; sleep 0.04; done; exit 5";

/** The short run has the first seven; on the older server the first alone. */
const lostConnections: readonly [name: string, effect: FaultEffect][] = [
  ["no sub-protocol", { type: "pty-connection", subProtocol: "none" }],
  ["close 1006", { type: "websocket", endAfterMs: 400, end: "reset" }],
  ["handshake 404", { type: "respond", status: 404, body: { error: "PTY session not found" } }],
  ["close 1000", { type: "websocket", endAfterBytes: 3_000, end: "close", code: 1000 }],
  ["split frames", { type: "websocket", splitBytes: 7 }],
  ["partial replay", { type: "pty-connection", replayBytes: 100 }],
  ["tail lost at exit", { type: "pty-connection", losesTail: true }],
  ["close 1005", { type: "websocket", endAfterBytes: 3_000, end: "close" }],
  ["close 1011", { type: "websocket", endAfterMs: 400, end: "close", code: 1011, reason: "x" }],
  ["cut when idle", { type: "websocket", endAfterIdleMs: 100 }],
  ["handshake 401", { type: "respond", status: 401, body: { message: "no" } }],
  ["handshake 409", { type: "respond", status: 409, body: { error: "in use" } }],
  ["handshake 426", { type: "respond", status: 426, body: "" }],
];

describe.for(serverProfiles)("server profile %s", (profile) => {
  const shortly = coversEverything(profile)
    ? lostConnections.slice(0, 7)
    : lostConnections.slice(0, 1);
  const covered = isLongRun ? lostConnections : shortly;
  test.concurrent.for(covered)(
    "%s: no byte is lost or comes twice, and the end is the true one",
    async ([name, effect], { expect }) => {
      await withEmulator(expect, { profile }, async ({ ready, fault }) => {
        const backend = await ready();
        const struck = fault(connectRoute, effect, { times: 3 });
        const pty = await backend.attachPty({ ...size, command: chatter });
        const [live, end] = await Promise.all([hashOf(pty.output), pty.wait()]);
        expect(end).toEqual({ exitCode: 5, signal: undefined });
        const recorded = await hashOf((await backend.attachPty({ ...size, id: pty.id })).output);
        expect(live).toEqual(recorded);
        expect(live.sizeBytes).toBeGreaterThan(200_000);
        outcomes.add(`${profile}: ${name}, struck ${struck.hits} times`, "whole output, exit 5");
        await backend.teardown();
      });
    },
  );
});

const runs = isLongRun ? 200 : 20;

test.concurrent("the socket is cut at random bytes", { timeout: 600_000 }, async ({ expect }) => {
  const seed = 20_261;
  const random = randomNumbers(seed);
  await withEmulator(expect, {}, async ({ ready, fault }) => {
    const backend = await ready();
    let cuts = 0;
    let bytes = 0;
    const run = async (): Promise<void> => {
      const faults = Array.from({ length: 3 }, () =>
        fault(
          connectRoute,
          {
            type: "websocket",
            // Among the first bytes there is the echo of what starts the view.
            endAfterBytes: Math.floor(random() ** 3 * 80_000),
            ...(random() < 0.5 ? { end: "reset" } : { end: "close", code: 1000 }),
          },
          { times: 1 },
        ),
      );
      const pty = await backend.attachPty({ ...size, command: chatter });
      const live = await hashOf(pty.output);
      const recorded = await hashOf((await backend.attachPty({ ...size, id: pty.id })).output);
      expect(live).toEqual(recorded);
      bytes += live.sizeBytes;
      for (const { hits } of faults) cuts += hits;
      for (const handle of faults) handle.remove();
    };
    for (let done = 0; done < runs; done += 4) await Promise.all([run(), run(), run(), run()]);
    expect(cuts).toBeGreaterThan(runs);
    outcomes.add(
      `random cuts, seed ${seed}: ${cuts} in ${runs} runs`,
      `${bytes} bytes equal`,
      runs,
    );
    await backend.teardown();
  });
});

test.concurrent("input whose connection is lost is reported and not sent again", async ({
  expect,
}) => {
  await withEmulator(expect, {}, async ({ ready, fault }) => {
    const backend = await ready();
    fault(connectRoute, { type: "websocket", endAfterMs: 1_200, end: "reset" }, { times: 1 });
    const pty = await backend.attachPty({ ...size, command: "stty -echo; echo up; cat" });
    const terminal = watchTerminal(pty);
    await terminal.shows("up", 20_000);
    const sent: string[] = [];
    const unconfirmed: string[] = [];
    for (let count = 0; count < 60; count++) {
      const line = `line ${count}.`;
      try {
        await pty.write(`${line}\r`);
        sent.push(line);
      } catch (error) {
        expect(error).toMatchObject({ code: "CONNECTION_FAILED", operation: "pty.write" });
        unconfirmed.push(line);
      }
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    await pty.write(new Uint8Array([4]));
    expect((await pty.wait()).exitCode).toBe(0);
    await terminal.ended;
    for (const line of sent) expect(terminal.text.split(line)).toHaveLength(2);
    for (const line of unconfirmed) expect(terminal.text.split(line).length).toBeLessThanOrEqual(2);
    outcomes.add("connection lost while typing", "each line at most once");
    await backend.teardown();
  });
});

test.concurrent("a daemon that dies and starts again leaves the terminal alone", async ({
  expect,
}) => {
  await withEmulator(expect, {}, async ({ ready, fault }) => {
    const backend = await ready();
    const pty = await backend.attachPty({ ...size, command: "stty -echo; echo up; cat" });
    const terminal = watchTerminal(pty);
    await terminal.shows("up", 20_000);
    fault(
      { path: "/toolbox/{sandboxId}/process/execute" },
      { type: "daemon-crash", downMs: 500, processes: "survive" },
      { times: 1 },
    );
    await backend.exec("true");
    await pty.write("after\r").catch(() => pty.write("after\r"));
    await terminal.shows("after", 20_000);
    await pty.kill();
    outcomes.add("daemon dies, processes survive", "terminal goes on");
    await backend.teardown();
  });
});

test.concurrent("processes that are killed with the daemon leave no end that anybody made up", async ({
  expect,
}) => {
  await withEmulator(expect, {}, async ({ ready, fault }) => {
    const backend = await ready();
    const pty = await backend.attachPty({ ...size, command: "echo up; sleep 300" });
    const terminal = watchTerminal(pty);
    await terminal.shows("up", 20_000);
    fault(
      { path: "/toolbox/{sandboxId}/process/execute" },
      { type: "daemon-crash", processes: "killed" },
      { times: 1 },
    );
    await backend.exec("true").catch(() => undefined);
    await expect(pty.wait()).rejects.toBeInstanceOf(CompletionUnknownError);
    await expect(terminal.ended).rejects.toBeInstanceOf(CompletionUnknownError);
    outcomes.add("daemon dies, processes killed", "CompletionUnknownError");
    await backend.teardown();
  });
});

test.concurrent("a sandbox that is deleted under a terminal", async ({ expect }) => {
  await withEmulator(expect, {}, async ({ ready, request }) => {
    const backend = await ready();
    const pty = await backend.attachPty({ ...size, command: "echo up; sleep 300" });
    const terminal = watchTerminal(pty);
    await terminal.shows("up", 20_000);
    await request("DELETE", `/sandbox/${backend.sandboxId}`);
    await expect(terminal.ended).rejects.toBeInstanceOf(SandboxLostError);
    await expect(pty.wait()).rejects.toMatchObject({ code: "SANDBOX_LOST" });
    outcomes.add("sandbox deleted", "SandboxLostError");
    await backend.teardown();
  });
});

test.concurrent("another client kills the terminal, and two give it a size", async ({ expect }) => {
  await withEmulator(expect, {}, async ({ ready, backend: another }) => {
    const backend = await ready();
    const other = another();
    await other.reconnect(backend.sandboxId);
    const pty = await backend.attachPty({
      ...size,
      command: "trap 'stty size' WINCH; echo up; while :; do sleep 0.05; done",
    });
    const terminal = watchTerminal(pty);
    await terminal.shows("up", 20_000);
    const attached = await other.attachPty({ rows: 25, cols: 81, id: pty.id });
    await terminal.shows("25 81", 20_000);
    await Promise.all([pty.resize(30, 90), attached.resize(31, 91)]);
    await until(() => /3[01] 9[01]/.test(terminal.text), 20_000);
    expect(await attached.kill()).toBe(true);
    expect((await pty.wait()).exitCode).not.toBe(0);
    await terminal.ended;
    await backend.teardown();
  });
});

test.concurrent("no value of its environment is in an address or a header", async ({ expect }) => {
  await withEmulator(expect, {}, async ({ ready, emulator }) => {
    const backend = await ready();
    const secret = "terminal-secret-4711";
    const pty = await backend.attachPty({ ...size, command: "echo $WORD", env: { WORD: secret } });
    const terminal = watchTerminal(pty);
    await terminal.ended;
    expect(terminal.text).toContain(secret);
    for (const { body: _body, ...request } of emulator.requests.list()) {
      expect(JSON.stringify(request)).not.toContain(secret);
    }
    await backend.teardown();
  });
});

test.runIf(isLongRun)("256 MiB through a slow reader", { timeout: 600_000 }, async ({ expect }) => {
  await withEmulator(expect, {}, async ({ ready }) => {
    const backend = await ready();
    const sizeBytes = 256 * 1024 * 1024;
    const pty = await backend.attachPty({
      ...size,
      command: `stty -opost; head -c ${sizeBytes} /dev/urandom | tee /tmp/data`,
    });
    const hash = createHash("sha256");
    let bytes = 0;
    let mostMemory = 0;
    for await (const chunk of pty.output) {
      hash.update(chunk);
      bytes += chunk.length;
      mostMemory = Math.max(mostMemory, process.memoryUsage().arrayBuffers);
      if (Math.random() < 0.05) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(bytes).toBe(sizeBytes);
    const { stdout } = await backend.exec("sha256sum /tmp/data; rm /tmp/data");
    expect(stdout.split(" ")[0]).toBe(hash.digest("hex"));
    expect(mostMemory).toBeLessThan(128 * 1024 * 1024);
    outcomes.add("256 MiB, slow reader", `sha256 equal, ${mostMemory} bytes of buffers at most`);
    await backend.teardown();
  });
});
