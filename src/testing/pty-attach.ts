import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { PtyExit } from "../contract/pty.ts";
import type { Conformance } from "./conformance.ts";
import { assertErrorCode } from "./expected-errors.ts";
import { watchTerminal } from "./terminal-watch.ts";

const area = "pty-attach";
const size = { rows: 24, cols: 80 } as const;

/** Terminals that are reached by their ID, by several clients and after all of them have gone. */
export function ptyAttachCases(conformance: Conformance): void {
  conformance.add(area, "replays from any byte, in another client too", async () => {
    const backend = await conformance.shared();
    const pty = await backend.attachPty({ ...size, command: "printf 0123456789; sleep 300" });
    const terminal = watchTerminal(pty);
    await terminal.shows("0123456789", conformance.patient(20_000));
    await using other = await conformance.anotherClient(backend);
    for (const [replayFrom, expected] of [
      [0, "0123456789"],
      [4, "456789"],
    ] as const) {
      const attached = await other.attachPty({ ...size, id: pty.id, create: false, replayFrom });
      const watch = watchTerminal(attached);
      await watch.shows(expected, conformance.patient(20_000));
      assert.equal(watch.text, expected);
      attached.detach();
      await watch.ended;
    }
    await pty.kill();
  });

  conformance.add(area, "shows every client the same, whoever types", async () => {
    const backend = await conformance.shared();
    const pty = await backend.attachPty({ ...size, command: "stty -echo; echo up; cat" });
    const here = watchTerminal(pty);
    await here.shows("up", conformance.patient(20_000));
    await using other = await conformance.anotherClient(backend);
    const attached = await other.attachPty({ ...size, id: pty.id });
    const there = watchTerminal(attached);
    await pty.write("from here\r");
    await there.shows("from here", conformance.patient(20_000));
    await attached.write("from there\r");
    await here.shows("from there", conformance.patient(20_000));
    await attached.write(new Uint8Array([4]));
    assert.equal((await pty.wait()).exitCode, 0);
    await Promise.all([here.ended, there.ended]);
    assert.equal(here.text, there.text);
  });

  conformance.add(area, "goes on when every client has gone", async () => {
    const { backend, path } = await conformance.directory();
    const id = `terminal${randomBytes(6).toString("hex")}`;
    const first = await conformance.anotherClient(backend);
    const command = "echo one; while [ ! -e go ]; do sleep 0.1; done; echo two; exit 6";
    const pty = await first.attachPty({ ...size, id, command, cwd: path });
    const watch = watchTerminal(pty);
    await watch.shows("one", conformance.patient(20_000));
    const { offset } = pty;
    await first[Symbol.asyncDispose]();
    await watch.ended;
    await backend.writeFile(`${path}/go`, "");
    const again = await backend.attachPty({ ...size, id, create: false, replayFrom: offset });
    const rest = watchTerminal(again);
    assert.equal((await again.wait()).exitCode, 6);
    await rest.ended;
    assert.equal(rest.text, "two\r\n");
    // Also after its end, from the beginning.
    const late = watchTerminal(await backend.attachPty({ ...size, id, create: false }));
    await late.ended;
    assert.equal(late.text, "one\r\ntwo\r\n");
  });

  conformance.add(area, "makes one terminal of one ID", async () => {
    const { backend, path } = await conformance.directory();
    await using other = await conformance.anotherClient(backend);
    const id = `terminal${randomBytes(6).toString("hex")}`;
    const command = "echo run >>count; sleep 0.5; cat count";
    const ptys = await Promise.all(
      [backend, other, backend].map((client) =>
        client.attachPty({ ...size, id, command, cwd: path }),
      ),
    );
    const watches = ptys.map(watchTerminal);
    await Promise.all(watches.map(({ ended }) => ended));
    assert.deepEqual(
      watches.map(({ text }) => text),
      ["run\r\n", "run\r\n", "run\r\n"],
    );
  });

  conformance.add(area, "rejects for what is not there, or is no terminal", async () => {
    const backend = await conformance.shared();
    await conformance.rejects(
      backend.attachPty({ ...size, id: "nobodyhasthis", create: false }),
      "PROCESS_NOT_FOUND",
      { operation: "attachPty", sandboxId: backend.sandboxId },
    );
    const child = await backend.spawn("sleep 300");
    await conformance.rejects(
      backend.attachPty({ ...size, id: child.id, create: false }),
      "SANDBOX_STATE",
      { operation: "attachPty", sandboxId: backend.sandboxId },
    );
    await child.kill();
  });

  conformance.add(area, "ends with its sandbox, and is given no end but its own", async () => {
    await conformance.withSandbox(async (backend) => {
      const pty = await backend.attachPty({ ...size, command: "echo before; sleep 300" });
      const watch = watchTerminal(pty);
      await watch.shows("before", conformance.patient(20_000));
      await backend.stop();
      // Either its end was recorded, or nobody can know.
      await watch.ended.catch((error: unknown) => assertErrorCode(error, "COMPLETION_UNKNOWN"));
      await backend.start();
      const again = await backend.attachPty({ ...size, id: pty.id, create: false });
      const end = await again.wait().catch((error: unknown) => error);
      if (end instanceof Error) {
        assertErrorCode(end, "COMPLETION_UNKNOWN");
        assert.equal(end.reason, "sandbox-restarted");
      } else assert.notEqual((end as PtyExit).exitCode, 0);
    });
  });
}
