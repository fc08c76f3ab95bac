import { once } from "node:events";
import { createReadStream } from "node:fs";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EngineProcess, EngineSandbox } from "../../src/engine/engine-types.ts";
import { eventually } from "./eventually.ts";
import { isolationsUnderTest } from "./isolations.ts";
import { collect } from "./run-program.ts";
import { openTemporaryEngine, type TemporaryEngine } from "./temporary-engine.ts";

const ECHO_SERVER = `
const server = require("node:net").createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
server.listen(0, process.argv[1], () => console.log(server.address().port));
`;

for (const { isolation, skipped, title } of await isolationsUnderTest()) {
  describe.skipIf(skipped)(`ports, isolation ${title}`, () => {
    let temporary: TemporaryEngine;
    let sandbox: EngineSandbox;
    let node: string;
    beforeAll(async () => {
      temporary = await openTemporaryEngine(isolation);
      sandbox = await temporary.engine.create();
      node = await provideNode(sandbox);
    });
    afterAll(async () => {
      await temporary[Symbol.asyncDispose]();
    });

    async function listen(host: string): Promise<{ server: EngineProcess; port: number }> {
      const server = await sandbox.spawn([node, "-e", ECHO_SERVER, host]);
      const [line] = (await once(server.stdout, "data")) as [Buffer];
      return { server, port: Number(line.toString()) };
    }

    async function end(server: EngineProcess): Promise<void> {
      server.kill("SIGKILL");
      await Promise.all([collect(server.stdout), collect(server.stderr), server.exited]);
    }

    test.each(["127.0.0.1", "0.0.0.0", "::1"])("lists and reaches a server on %s", async (host) => {
      const { server, port } = await listen(host);
      expect(await sandbox.listeningPorts()).toEqual([port]);
      const socket = await sandbox.connect(port);
      socket.end("there and back");
      expect((await collect(socket)).toString()).toBe("there and back");
      await end(server);
      await eventually(
        "the port is gone",
        async () => (await sandbox.listeningPorts()).length === 0,
      );
      await expect(sandbox.connect(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    });

    test("does not answer for a server of the host or of another sandbox", async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as { port: number };
      expect(await sandbox.listeningPorts()).toEqual([]);
      await expect(sandbox.connect(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
      server.close();
      await once(server, "close");
    });

    test("gives up when it is aborted", async () => {
      const { server, port } = await listen("127.0.0.1");
      const reason = new Error("no longer wanted");
      const aborted = sandbox.connect(port, { signal: AbortSignal.abort(reason) });
      await expect(aborted).rejects.toBe(reason);
      await end(server);
    });
  });
}

/** Node is where the sandbox sees it, or else, as with a version manager in somebody's home, gets there. */
async function provideNode(sandbox: EngineSandbox): Promise<string> {
  if (sandbox.isolation === "none") return process.execPath;
  try {
    await sandbox.files.stat(process.execPath);
    return process.execPath;
  } catch {
    await sandbox.files.write(
      "/usr/local/bin/node-of-the-test",
      createReadStream(process.execPath),
      {
        mode: 0o755,
      },
    );
    return "/usr/local/bin/node-of-the-test";
  }
}
