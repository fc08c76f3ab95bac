import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { LocalEngine } from "../../../src/engine/local-engine.ts";
import { collect, runShell } from "../run-program.ts";

/** What a sandbox of an ordinary user must be able to do; run under another uid by the test when that is root. */
async function main(directory: string): Promise<void> {
  assert.notEqual(process.getuid?.(), 0);
  const engine = await LocalEngine.open({ directory });
  const sandbox = await engine.create({ id: "ordinary" });

  const identity = await runShell(sandbox, "id -u; hostname; pwd; echo $HOME");
  assert.equal(identity.stdout, "0\nordinary\n/workspace\n/root\n");

  const writing = await runShell(
    sandbox,
    "echo a >/etc/own && echo b >/usr/local/bin/own && rm /etc/hostname && mkdir /opt/own && cat /etc/own",
  );
  assert.deepEqual(writing, { stdout: "a\n", stderr: "", exitCode: 0, signal: null });

  const forbidden = await runShell(sandbox, "mount -t tmpfs x /mnt");
  assert.notEqual(forbidden.exitCode, 0);
  const host = await runShell(sandbox, `ls -d ${directory}; ls -A /home /mnt`);
  assert.equal(host.stdout, "/home:\n\n/mnt:\n");

  await sandbox.files.write("/root/file", Buffer.from("content"));
  const info = await sandbox.files.stat("/root/file");
  assert.deepEqual([info.uid, info.gid, info.mode], [0, 0, 0o644]);
  await sandbox.files.setOwner("/root/file", { uid: 0, gid: 0 });
  await assert.rejects(sandbox.files.setOwner("/root/file", { uid: 1234 }), { code: "EINVAL" });
  assert.equal((await sandbox.files.stat("/usr/bin/env")).uid, 65_534);
  await assert.rejects(sandbox.files.stat(directory), { code: "ENOENT" });

  const volume = await engine.volumes.create("shared");
  const mounted = await engine.create({
    id: "mounted",
    mounts: [{ source: volume.directory, target: "/data/in", subpath: "a/b" }],
  });
  const used = await runShell(mounted, "echo v >/data/in/file && stat -c %u:%a /data/in/file");
  assert.equal(used.stdout, "0:644\n");
  await mounted.delete();
  assert.equal(readFileSync(join(volume.directory, "a/b/file"), "utf8"), "v\n");
  await engine.volumes.remove("shared");

  const pty = await sandbox.openPty({
    argv: ["sh", "-c", "tty; stty size; stat -c %u $(tty); echo x >/dev/tty"],
    rows: 33,
    cols: 101,
  });
  assert.equal((await collect(pty.output)).toString(), "/dev/pts/0\r\n33 101\r\n0\r\nx\r\n");
  assert.deepEqual(await pty.exited, { exitCode: 0, signal: null });

  const { processes, memory } = await LocalEngine.limits();
  assert.notEqual(processes, "none");
  const limits = { processes: 40 };
  const limited = await engine.create({ id: "limited", limits });
  const crowd = await runShell(
    limited,
    `perl -e 'for (1 .. 100) { my $pid = fork; last unless defined $pid; if (!$pid) { close STDOUT; close STDERR; sleep 100; exit } print "x" }'`,
  );
  assert.match(crowd.stdout, /^x{20,38}$/);
  await limited.delete();
  if (memory === "none") {
    await assert.rejects(engine.create({ limits: { memoryBytes: 2 ** 30 } }), {
      code: "LIMITS_UNAVAILABLE",
    });
  }

  const alone = await engine.create({ id: "alone", network: "none" });
  const way = `perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(PeerAddr => "192.0.2.1:80") ? "reached" : $!'`;
  assert.equal((await runShell(alone, way)).stdout, "Network is unreachable");
  const server = await alone.spawn([
    "perl",
    "-MIO::Socket::INET",
    "-e",
    `my $server = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1", LocalPort => 4001) or die;
     $| = 1; print "ready"; my $client = $server->accept; print $client "inside"`,
  ]);
  await once(server.stdout, "data");
  assert.deepEqual(await alone.listeningPorts(), [4001]);
  assert.equal((await collect(await alone.connect(4001))).toString(), "inside");
  await alone.delete();

  await sandbox.stop({ graceMs: 0 });
  await sandbox.start();
  assert.equal((await runShell(sandbox, "cat /root/file /etc/own")).stdout, "contenta\n");

  await runShell(sandbox, "mkdir -p /workspace/closed/inner && chmod 000 /workspace/closed");
  await runShell(
    sandbox,
    "rm /usr/bin/env; echo x >/workspace/closed/inner/x; ln -s x /workspace/l",
  );
  const describe =
    "cd /workspace && find . -printf '%P %y %m %U %l\n' | sort; ls /usr/bin/env; cat /etc/own";
  const described = await runShell(sandbox, describe);
  for (const mode of ["copy", "stop"] as const) {
    const snapshot = await engine.createSnapshot(sandbox.id, { mode, graceMs: 0 });
    const copy = await engine.create({ id: mode, snapshotId: snapshot.id });
    assert.deepEqual(await runShell(copy, describe), described);
    assert.equal(
      (await runShell(copy, "echo b >/etc/own; rm -r /workspace/*; hostname")).stdout,
      `${mode}\n`,
    );
    await copy.delete();
    await sandbox.start();
    assert.deepEqual(await runShell(sandbox, describe), described);
    await engine.deleteSnapshot(snapshot.id);
  }
  const sleeper = await sandbox.spawn(["sleep", "1000"]);
  for (const stream of [sleeper.stdout, sleeper.stderr]) stream.resume();
  await sandbox.delete();
  assert.deepEqual(await sleeper.exited, { exitCode: null, signal: "SIGKILL" });
  assert.equal(existsSync(`${directory}/sandboxes/ordinary`), false);
  assert.deepEqual(readdirSync(`${directory}/layers`), []);
  await engine.close();
  process.stdout.write("ok");
}

await main(process.argv[2] ?? "");
