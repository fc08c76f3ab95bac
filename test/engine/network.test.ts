import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import type { EngineSandbox } from "../../src/engine/engine-types.ts";
import { sandboxesHaveUsers } from "../helpers/capabilities.ts";
import { eventually } from "./eventually.ts";
import { namespacesUnderTest } from "./isolations.ts";
import { collect, runShell } from "./run-program.ts";
import { openTemporaryEngine } from "./temporary-engine.ts";

const { isolation, skipped, title } = await namespacesUnderTest();

/** Starts a server of one connection at a time, which does with it what the Perl says. */
async function serve(sandbox: EngineSandbox, port: number, perl: string): Promise<void> {
  const script = `use IO::Socket::INET; $SIG{PIPE} = 'IGNORE';
    my $server = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => ${port}, ReuseAddr => 1) or die $!;
    while (my $client = $server->accept) { ${perl} }`;
  const server = await sandbox.spawn(["perl", "-e", script]);
  for (const stream of [server.stdout, server.stderr]) stream.resume();
  await eventually("the server listens", async () =>
    (await sandbox.listeningPorts()).includes(port),
  );
}

describe(`a network of its own, isolation ${title}`, () => {
  test.skipIf(skipped)("leads nowhere, and its loopback works", async () => {
    await using temporary = await openTemporaryEngine(isolation);
    const { engine } = temporary;
    const host = createServer((_request, response) => response.end("of the host"));
    await new Promise<void>((resolve) => host.listen(0, "127.0.0.1", resolve));
    const { port } = host.address() as AddressInfo;
    try {
      const sandbox = await engine.create({ network: "none" });
      expect(sandbox.network).toBe("none");
      expect((await engine.get(sandbox.id))?.network).toBe("none");
      const open = await engine.create();
      expect(open.network).toBe("host");
      const get = (address: string) =>
        `perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(PeerAddr => "${address}", Timeout => 5) ? "reached" : $!'`;
      expect((await runShell(open, get(`127.0.0.1:${port}`))).stdout).toBe("reached");
      expect((await runShell(sandbox, get(`127.0.0.1:${port}`))).stdout).toBe("Connection refused");
      // Nothing answers on that address; the point is that there is no way to it.
      expect((await runShell(sandbox, get("192.0.2.1:80"))).stdout).toBe("Network is unreachable");
      const devices = await runShell(sandbox, "grep : /proc/net/dev");
      expect(devices.stdout).toMatch(/^\s*lo:[^\n]*\n$/);
      // The `/sys` of an ordinary user's sandbox is the host's, see docs/isolation.md.
      if (sandboxesHaveUsers) {
        expect((await runShell(sandbox, "ls /sys/class/net")).stdout).toBe("lo\n");
      }

      // The same port in both networks: each server is reached by its own.
      await serve(sandbox, port, "print $client 'of the sandbox'; close $client");
      expect(await sandbox.listeningPorts()).toEqual([port]);
      expect((await runShell(sandbox, get(`127.0.0.1:${port}`))).stdout).toBe("reached");
      const connection = await sandbox.connect(port);
      expect((await collect(connection)).toString()).toBe("of the sandbox");
      const response = await fetch(`http://127.0.0.1:${port}/`, {
        headers: { connection: "close" },
      });
      expect(await response.text()).toBe("of the host");

      await sandbox.stop({ graceMs: 0 });
      await expect(sandbox.connect(port)).rejects.toMatchObject({ code: "SANDBOX_STOPPED" });
      await sandbox.start();
      expect((await runShell(sandbox, get("192.0.2.1:80"))).stdout).toBe("Network is unreachable");
      await expect(sandbox.connect(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    } finally {
      host.closeAllConnections();
      await new Promise((resolve) => host.close(resolve));
    }
  });

  test.skipIf(skipped)("connections into it carry bytes both ways, ends and failures", async () => {
    await using temporary = await openTemporaryEngine(isolation);
    const sandbox = await temporary.engine.create({ network: "none" });
    await serve(
      sandbox,
      4001,
      "my $all = do { local $/; <$client> }; print $client $all; close $client",
    );
    const echo = await sandbox.connect(4001);
    const sent = Buffer.alloc(3_000_000, "0123456789abcdef");
    echo.end(sent);
    expect((await collect(echo)).equals(sent)).toBe(true);

    // The server's end of its direction leaves the other one open.
    await serve(
      sandbox,
      4002,
      "print $client 'first'; shutdown $client, 1; my $all = do { local $/; <$client> }; open my $file, '>', '/tmp/late'; print $file $all; close $file; close $client",
    );
    const half = await sandbox.connect(4002);
    const chunks: Buffer[] = [];
    half.on("data", (chunk: Buffer) => chunks.push(chunk));
    await once(half, "end");
    expect(Buffer.concat(chunks).toString()).toBe("first");
    half.end("late");
    await eventually(
      "it arrives",
      async () => (await runShell(sandbox, "cat /tmp/late")).stdout === "late",
    );

    // SO_LINGER of no time: the connection is broken off.
    await serve(sandbox, 4003, "setsockopt $client, 1, 13, pack('ii', 1, 0); close $client");
    await expect(collect(await sandbox.connect(4003))).rejects.toMatchObject({
      code: "ECONNRESET",
    });

    await expect(sandbox.connect(4004)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await expect(
      sandbox.connect(4001, { signal: AbortSignal.abort(new Error("not today")) }),
    ).rejects.toThrow("not today");

    // One that is let go ends the program that carries it.
    await serve(
      sandbox,
      4005,
      "1 while sysread $client, my $text, 100; open my $file, '>', '/tmp/ended'; close $client",
    );
    (await sandbox.connect(4005)).destroy();
    await eventually(
      "the server sees the end",
      async () => (await runShell(sandbox, "ls /tmp/ended")).exitCode === 0,
    );
  });
});

test("without isolation there is none", async () => {
  await using temporary = await openTemporaryEngine("none");
  await expect(temporary.engine.create({ network: "none" })).rejects.toMatchObject({
    name: "EngineError",
    code: "NETWORK_UNAVAILABLE",
  });
});
