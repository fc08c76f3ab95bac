import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { resolveLocalConfig } from "../../../src/backends/local/local-config.ts";
import { LocalConnection } from "../../../src/backends/local/local-connection.ts";
import { LocalTransport } from "../../../src/backends/local/local-transport.ts";
import { ConnectionError } from "../../../src/contract/provider-errors.ts";
import {
  type LiveTerminal,
  NameTakenError,
  type SandboxChannel,
} from "../../../src/core/transport.ts";
import { isolationsUnderTest } from "../../engine/isolations.ts";
import { until } from "../../helpers/until.ts";

const call = { signal: new AbortController().signal };

for (const { isolation, skipped, title } of await isolationsUnderTest()) {
  describe.skipIf(skipped)(`the inside of a sandbox, isolation ${title}`, () => {
    let directory: string;
    let transport: LocalTransport;
    let sandboxId: string;
    let channel: SandboxChannel;
    let home: string;

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), "local-channel-"));
      const config = resolveLocalConfig({ directory, isolation }, {});
      transport = new LocalTransport(config, new LocalConnection(config));
      const request = { name: "channel-0123456789ab", labels: { a: "b" }, env: { FROM: "create" } };
      const idle = { autoStopMinutes: 15, autoArchiveMinutes: 15, autoDeleteMinutes: 60 };
      const record = await transport.create({ ...request, idle }, call, () => undefined);
      sandboxId = record.id;
      channel = transport.openChannel(sandboxId);
      home = await channel.runScript('printf %s "$HOME"', call);
      const taken = transport.create({ ...request, idle }, call, () => {
        throw new Error("It was asked for");
      });
      await expect(taken).rejects.toBeInstanceOf(NameTakenError);
    });
    afterAll(async () => {
      await transport.requestDelete(sandboxId, call);
      await transport.close();
      await rm(directory, { recursive: true, force: true });
    });

    test("is found by ID and by name, with its labels", async () => {
      const byId = await transport.find(sandboxId, call);
      expect(byId).toMatchObject({ id: sandboxId, name: "channel-0123456789ab", state: "running" });
      expect(byId?.labels).toEqual({ a: "b" });
      expect(await transport.find("channel-0123456789ab", call)).toEqual(byId);
      expect(await transport.find("channel-0123456789a", call)).toBeUndefined();
      expect(await transport.find("../channel", call)).toBeUndefined();
    });

    test("both outputs of a script come together, in order and byte for byte", async () => {
      const script = 'echo one; echo two >&2; printf "\\377three\\n"; echo "$FROM"; exit 3';
      expect(await channel.runScript(script, call)).toBe("one\ntwo\n\uFFFDthree\ncreate\n");
    });

    test("a live terminal takes what is typed, shows what is written, and leaves no shell", async () => {
      const shown: string[] = [];
      let closed = 0;
      const handlers = {
        onOutput: (bytes: Uint8Array) => void shown.push(Buffer.from(bytes).toString()),
        onClosed: () => {
          closed += 1;
        },
      };
      const open = async (): Promise<LiveTerminal> => {
        const terminal = await channel.openTerminal?.(handlers, call);
        if (terminal === undefined) throw new Error("There are no terminals");
        return terminal;
      };
      const first = await open();
      await first.send(Buffer.from("echo $((6 * 7)); mark=$mark-typed; echo $mark >marked\r"));
      await until(async () => shown.join("").includes("42\r\n"));
      await first.send(Buffer.from("echo again >again; exit\r"));
      await until(async () => closed === 1);
      await expect(first.send(Buffer.from("x"))).rejects.toBeInstanceOf(ConnectionError);
      first.close();

      const second = await open();
      shown.length = 0;
      await second.send(Buffer.from("echo $$ >last\r"));
      // What was sent before a close arrives.
      second.close();
      await expect(second.send(Buffer.from("x"))).rejects.toBeInstanceOf(ConnectionError);
      const check =
        "cat marked again; test -s last && ! kill -0 $(cat last) 2>/dev/null && echo ended";
      await until(async () => (await channel.runScript(check, call)) === "-typed\nagain\nended\n");
      expect(closed).toBe(1);
      expect(shown).toEqual([]);
      await channel.runScript("rm marked again last", call);
    });

    test("the shell of a script leads a process group of its own", async () => {
      const script = 'set -- $(cat /proc/$$/stat); echo "$(($5 - $$))"';
      expect(await channel.runScript(script, call)).toBe("0\n");
    });

    test("a script may be large", async () => {
      const text = "x".repeat(2_000_000);
      const output = await channel.runScript(`cat <<'END' | wc -c\n${text}\nEND\n`, call);
      expect(Number(output)).toBe(text.length + 1);
    });

    test("what a script leaves in the background neither dies with it nor delays it", async () => {
      const startedAtMs = performance.now();
      const script = `(sleep 1; echo late >${home}/late) >/dev/null 2>&1 </dev/null & echo now`;
      expect(await channel.runScript(script, call)).toBe("now\n");
      expect(performance.now() - startedAtMs).toBeLessThan(900);
      await until(async () => (await channel.runScript(`cat ${home}/late`, call)) === "late\n");
    });

    test("an abort rejects at once and lets the script run to its end", async () => {
      const controller = new AbortController();
      const reason = new Error("enough");
      const script = `echo begun >${home}/begun; sleep 1; echo a; echo ended >${home}/ended`;
      const running = channel.runScript(script, controller);
      running.catch(() => undefined);
      await until(async () => (await channel.runScript(`ls ${home}`, call)).includes("begun"));
      const abortedAtMs = performance.now();
      controller.abort(reason);
      await expect(running).rejects.toBe(reason);
      expect(performance.now() - abortedAtMs).toBeLessThan(100);
      await until(async () => (await channel.runScript(`ls ${home}`, call)).includes("ended"));
    });

    test("an aborted signal begins nothing", async () => {
      const reason = new Error("enough");
      const aborted = { signal: AbortSignal.abort(reason) };
      const path = posix.join(home, "never");
      await expect(channel.runScript(`: >${path}`, aborted)).rejects.toBe(reason);
      const content = Buffer.from("a");
      await expect(channel.upload([{ path, content }], aborted)).rejects.toBe(reason);
      await expect(channel.read(path, undefined, aborted)).rejects.toBe(reason);
      expect(await channel.runScript(`ls ${home}`, call)).not.toContain("never");
    });

    test("files are uploaded with their parents, and read in ranges", async () => {
      const path = posix.join(home, "new folder", "deeper", "file");
      async function* pieces(): AsyncGenerator<Uint8Array> {
        yield Buffer.from("012");
        yield new Uint8Array(0);
        yield Buffer.from("3456789");
      }
      const whole = Buffer.alloc(3_000_000, "whole");
      await channel.upload(
        [
          { path, content: pieces() },
          { path: `${path} 2`, content: whole },
        ],
        call,
      );
      const read = async (range?: { start: number; end: number }) => {
        const { sizeBytes, stream } = await channel.read(path, range, call);
        const chunks: Uint8Array[] = [];
        for await (const chunk of stream) chunks.push(chunk);
        return `${sizeBytes} ${Buffer.concat(chunks).toString()}`;
      };
      expect(await read()).toBe("10 0123456789");
      expect(await read({ start: 2, end: 5 })).toBe("10 234");
      expect(await read({ start: 8, end: 100 })).toBe("10 89");
      expect(await read({ start: 10, end: 20 })).toBe("10 ");
      expect(await read({ start: 50, end: 60 })).toBe("10 ");
      const sum = await channel.runScript(`cat '${path} 2' | wc -c`, call);
      expect(Number(sum)).toBe(whole.length);
    });

    test("a source that never goes on is left at once by an abort", async () => {
      const controller = new AbortController();
      const reason = new Error("enough");
      async function* stuck(): AsyncGenerator<Uint8Array> {
        yield Buffer.from("a");
        await new Promise(() => undefined);
      }
      const uploading = channel.upload([{ path: `${home}/stuck`, content: stuck() }], controller);
      uploading.catch(() => undefined);
      await until(async () => (await channel.runScript(`ls ${home}`, call)).includes("stuck"));
      controller.abort(reason);
      await expect(uploading).rejects.toBe(reason);
    });
  });
}
