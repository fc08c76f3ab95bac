import { existsSync, readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EngineSandbox } from "../../src/engine/engine-types.ts";
import { eventually } from "./eventually.ts";
import { namespacesUnderTest } from "./isolations.ts";
import { runProgram, runShell } from "./run-program.ts";
import { openTemporaryEngine, type TemporaryEngine } from "./temporary-engine.ts";

const { isolation, skipped, title } = await namespacesUnderTest();

describe.skipIf(skipped)(`what a sandbox sees and may do, isolation ${title}`, () => {
  let temporary: TemporaryEngine;
  let sandbox: EngineSandbox;
  beforeAll(async () => {
    temporary = await openTemporaryEngine(isolation);
    sandbox = await temporary.engine.create({ id: "inside" });
  });
  afterAll(async () => {
    await temporary[Symbol.asyncDispose]();
  });

  async function output(script: string): Promise<string> {
    const { stdout, stderr } = await runShell(sandbox, script);
    return stdout + stderr;
  }

  test("has a root of its own, without the host's homes, files and engine", async () => {
    const names = (await output("ls -A /")).trim().split("\n");
    for (const name of readdirSync("/")) {
      const isOurs =
        /^(bin|dev|etc|home|lib\w*|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)$/;
      if (!isOurs.test(name)) expect(names).not.toContain(name);
    }
    expect(names).toContain("workspace");
    expect(await output("ls -A /home /mnt /media /srv /tmp /var/tmp | grep -v :")).toBe(
      "\n\n\n\n\n",
    );
    expect((await runProgram(sandbox, ["ls", temporary.directory])).exitCode).not.toBe(0);
    expect((await runProgram(sandbox, ["ls", process.cwd()])).exitCode).not.toBe(0);
  });

  test("sees its own processes and nobody else's", async () => {
    const pids = (await output("ls /proc | grep -E '^[0-9]+$'")).trim().split("\n");
    expect(pids.length).toBeLessThan(8);
    expect(await output("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")).not.toContain("vitest");
    expect(await output("kill -0 $PPID; echo $PPID")).toContain("0\n");
  });

  test("has its own name, and finds it", async () => {
    expect(await output("hostname; cat /etc/hostname; uname -n")).toBe("inside\ninside\ninside\n");
    expect(await output("getent hosts inside || grep inside /etc/hosts")).toContain("inside");
    expect(hostname()).not.toBe("inside");
    expect((await output("cat /etc/resolv.conf")).length).toBeGreaterThan(0);
  });

  test("sees none of the host's secrets in /etc", async () => {
    expect(await output("cut -d: -f2 /etc/shadow | sort -u")).toBe("*\n");
    expect(await output("cut -d: -f2 /etc/gshadow | sort -u")).toBe("*\n");
    expect(await output("ls /etc/ssh/ssh_host_* /etc/ssl/private/* 2>/dev/null")).toBe("");
    // These two are the sandbox's own, as their content has just shown.
    const own = "! -path /etc/shadow ! -path /etc/gshadow";
    const readable = `find /etc ! -type l ! -type d ! -perm -004 ${own} -readable`;
    expect(await output(`${readable} 2>/dev/null`)).toBe("");
  });

  test("has the host's programs", async () => {
    expect(await output("sh -c 'echo works' && ls -d /usr/bin /etc/passwd")).toBe(
      "works\n/etc/passwd\n/usr/bin\n",
    );
    expect(await output("test -w /dev/null && head -c 4 /dev/urandom | wc -c")).toBe("4\n");
    expect(await output("echo x > /dev/shm/x && cat /dev/shm/x; test -c /dev/ptmx && echo y")).toBe(
      "x\ny\n",
    );
  });

  test("changes its system without the host or another sandbox noticing", async () => {
    const other = await temporary.engine.create();
    await output(
      "echo '#!/bin/sh\necho mine' >/usr/local/bin/own-tool; chmod +x /usr/local/bin/own-tool",
    );
    await output("rm -f /etc/motd /etc/services; echo changed >/etc/motd");
    expect((await runProgram(sandbox, ["own-tool"])).stdout).toBe("mine\n");
    expect(await output("cat /etc/motd; ls /etc/services")).toMatch(/changed\n.*No such file/);
    await expect(other.spawn(["own-tool"])).rejects.toMatchObject({ code: "ENOENT" });
    expect(readdirSync("/usr/local/bin")).not.toContain("own-tool");
    await sandbox.stop({ graceMs: 0 });
    await sandbox.start();
    expect((await runProgram(sandbox, ["own-tool"])).stdout).toBe("mine\n");
    await other.delete();
  });

  test("cannot mount, make devices or change the kernel's settings", async () => {
    const attempts = [
      "mount -t tmpfs none /mnt",
      "mount -o remount,rw /sys",
      "umount /proc",
      "umount /etc",
      "mknod /tmp/disk b 8 0",
      "echo 1 >/proc/sys/kernel/panic",
      "echo b >/proc/sysrq-trigger",
      "echo x >/dev/.sandbox-engine/usr/bin/x",
      "hostname somebody-else",
      "nsenter -t 1 -m true",
    ];
    for (const attempt of attempts) {
      const { exitCode } = await runShell(sandbox, attempt);
      expect(exitCode, attempt).not.toBe(0);
    }
    expect(await output("grep CapBnd /proc/self/status /proc/1/status | sort -u | wc -l")).toBe(
      "2\n",
    );
    const mask = BigInt(
      `0x${(await output("sed -n 's/^CapBnd:\\t//p' /proc/self/status")).trim()}`,
    );
    for (const capability of [12, 13, 16, 17, 19, 21, 22, 27]) {
      expect((mask >> BigInt(capability)) & 1n).toBe(0n);
    }
  });

  test("gives no privileges to programs that the sandbox has replaced", async () => {
    const victim = await temporary.engine.create();
    const fake = "#!/bin/sh\necho replaced >>/tmp/ran; cat /proc/self/status >>/tmp/ran; exit 1\n";
    for (const name of ["setpriv", "unshare", "setsid", "timeout", "nsenter"]) {
      await runShell(victim, `rm /usr/bin/${name}`);
      await victim.files.write(`/usr/bin/${name}`, Buffer.from(fake), { mode: 0o755 });
    }
    await victim.files.write("/etc/ld.so.preload", Buffer.from("/tmp/evil.so\n"));
    const result = await runShell(victim, "echo still works; ls /tmp/ran");
    expect(result.stdout).toBe("still works\n");
    await victim.stop({ graceMs: 0 });
    await victim.start();
    expect((await runShell(victim, "echo again; ls /tmp/ran")).stdout).toBe("again\n");
    await victim.delete();
  });

  test.skipIf(process.arch !== "x64" || !existsSync("/usr/bin/python3"))(
    "gives no privileges to what takes the place of a mount point (needs python3 on x64)",
    async () => {
      const victim = await temporary.engine.create();
      const script = new URL("scripts/rename-mount-points.py", import.meta.url);
      await victim.files.write("/tmp/attack.py", readFileSync(script));
      const attack = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "python3",
        "/tmp/attack.py",
      ];
      expect(await runProgram(victim, attack)).toMatchObject({ stdout: "renamed\n", exitCode: 0 });
      const after = await runShell(victim, "ls -d /dev-moved /dev/null /tmp/ran; echo works");
      expect(after.stdout).toBe("/dev-moved\nworks\n");
      expect((await victim.files.list("/dev")).map(({ name }) => name)).toEqual([
        ".sandbox-engine",
      ]);
      await victim.stop({ graceMs: 0 });
      await victim.start();
      const restarted = await runShell(victim, "ls /tmp/ran /dev/null");
      expect(restarted.stdout).toBe("/dev/null\n");
      await victim.delete();
    },
  );

  test("gives variables of the dynamic loader to the program and not to what starts it", async () => {
    const { stdout, stderr } = await runProgram(sandbox, ["sh", "-c", "echo $LD_PRELOAD"], {
      env: { LD_PRELOAD: "/tmp/no-such.so" },
    });
    expect(stdout).toBe("/tmp/no-such.so\n");
    // The loader complains once for each program that gets the variable.
    expect(stderr.split("no-such.so")).toHaveLength(2);
  });

  test("shows nothing of the host while a program is on its way in", async () => {
    const marker = join(temporary.directory, "sandboxes");
    const watch = `while :; do for p in /proc/[0-9]*; do for l in root cwd; do
      [ -e "$p/$l${marker}" ] && echo leak >>/tmp/leaks; done; done; done`;
    const watcher = await sandbox.spawn(["sh", "-c", watch]);
    watcher.stdout.resume();
    watcher.stderr.resume();
    for (let round = 0; round < 20; round += 1) await runProgram(sandbox, ["true"]);
    watcher.kill("SIGKILL");
    await watcher.exited;
    await expect(sandbox.files.stat("/tmp/leaks")).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("reaps orphans", async () => {
    await runShell(sandbox, "for i in 1 2 3 4 5; do (sleep 0.05 &) ; done");
    await eventually("there is no zombie", async () => {
      const states = await output("grep -h ^State: /proc/[0-9]*/status");
      return !states.includes("zombie") && (await output("pgrep -x sleep | wc -l")) === "1\n";
    });
    expect((await runShell(sandbox, "kill -9 -1; true")).exitCode).toBe(0);
    expect(await sandbox.state()).toBe("running");
    expect(await output("echo alive")).toBe("alive\n");
  });

  test("lets go of nothing when its first process is attacked from inside", async () => {
    await runShell(sandbox, "kill -TERM 1; kill -KILL 1; kill -STOP 1");
    expect(await output("echo alive")).toBe("alive\n");
  });
});
