import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EngineProcess, EngineSandbox } from "../../src/engine/engine-types.ts";
import { eventually } from "./eventually.ts";
import { processesNaming } from "./host-leftovers.ts";
import { isolationsUnderTest } from "./isolations.ts";
import { collect, runProgram, runShell } from "./run-program.ts";
import { openTemporaryEngine, type TemporaryEngine } from "./temporary-engine.ts";

for (const { isolation, skipped, title } of await isolationsUnderTest()) {
  describe.skipIf(skipped)(`processes, isolation ${title}`, () => {
    let temporary: TemporaryEngine;
    let sandbox: EngineSandbox;
    beforeAll(async () => {
      temporary = await openTemporaryEngine(isolation);
      sandbox = await temporary.engine.create({ env: { FROM_SANDBOX: "1", BOTH: "sandbox" } });
    });
    afterAll(async () => {
      await temporary[Symbol.asyncDispose]();
    });

    test("keeps output, error output and exit code apart", async () => {
      const result = await runShell(sandbox, "echo out; echo err >&2; exit 42");
      expect(result).toEqual({ stdout: "out\n", stderr: "err\n", exitCode: 42, signal: null });
      for (const exitCode of [0, 1, 124, 125, 126, 127, 255]) {
        expect(await runShell(sandbox, `exit ${exitCode}`)).toMatchObject({
          exitCode,
          signal: null,
          stderr: "",
        });
      }
    });

    test("tells which signal ended a process", async () => {
      for (const signal of ["SIGKILL", "SIGTERM", "SIGHUP", "SIGINT", "SIGUSR1"] as const) {
        const result = await runShell(sandbox, `kill -s ${signal.slice(3)} $$`);
        expect(result).toEqual({ stdout: "", stderr: "", exitCode: null, signal });
      }
    });

    test("passes arguments, environment and working directory as they are", async () => {
      const odd = "a b\n'\"$HOME`\\ ü";
      const script = 'printf "%s|" "$1" "$FROM_SANDBOX" "$BOTH" "$ODD" "$PWD" "$LD_BIND_NOW"';
      const { stdout } = await runProgram(sandbox, ["sh", "-c", script, "sh", odd], {
        cwd: sandbox.homeDirectory,
        env: { BOTH: "call", ODD: odd, LD_BIND_NOW: "1" },
      });
      expect(stdout).toBe(`${odd}|1|call|${odd}|${sandbox.homeDirectory}|1|`);
    });

    test("shows no value of the environment on a command line", async () => {
      const secret = `secret-${Math.random()}`;
      const child = await sandbox.spawn(["sleep", "1000"], {
        env: { TOKEN: secret, LD_TOKEN: secret },
      });
      const lines = processesNaming(secret).map((pid) =>
        readFileSync(`/proc/${pid}/cmdline`, "latin1"),
      );
      expect(lines.length).toBeGreaterThan(0);
      expect(lines.join("")).not.toContain(secret);
      child.kill("SIGKILL");
      await drain(child);
    });

    test("inherits neither environment nor open files of this process", async () => {
      const { stdout } = await runShell(sandbox, "env; echo; ls /proc/self/fd");
      for (const name of ["VITEST", "NODE_ENV", "npm_config_user_agent"]) {
        expect(stdout).not.toContain(`${name}=`);
      }
      const [, descriptors = ""] = stdout.split("\n\n");
      const open = descriptors.trim().split("\n").map(Number);
      const links = await Promise.all(
        open
          .filter((descriptor) => descriptor > 3)
          .map((descriptor) => runProgram(sandbox, ["readlink", `/proc/self/fd/${descriptor}`])),
      );
      for (const link of links) expect(link.stdout).toBe("/dev/null\n");
    });

    test("has a umask of 022, whatever this process has", async () => {
      expect((await runShell(sandbox, "umask")).stdout).toBe("0022\n");
    });

    test("has real pipes, so that scripts can open /dev/stdout and /dev/stderr", async () => {
      const result = await runShell(sandbox, "echo one >/dev/stdout; echo two >/dev/stderr");
      expect(result).toMatchObject({ stdout: "one\n", stderr: "two\n", exitCode: 0 });
    });

    test("rejects before anything runs: no such directory, no directory, no such program", async () => {
      const cwd = `${sandbox.homeDirectory}/missing`;
      const missing = sandbox.spawn(["true"], { cwd });
      await expect(missing).rejects.toMatchObject({ code: "ENOENT", syscall: "chdir", path: cwd });
      await sandbox.files.write(`${sandbox.homeDirectory}/file`, Buffer.from("x"));
      const file = sandbox.spawn(["true"], { cwd: `${sandbox.homeDirectory}/file` });
      await expect(file).rejects.toMatchObject({ code: "ENOTDIR", syscall: "chdir" });
      // Without a directory that is closed to the user, which would make it EACCES.
      const env = { PATH: "/usr/bin:/bin" };
      const program = sandbox.spawn(["no-such-program"], { env });
      await expect(program).rejects.toMatchObject({
        code: "ENOENT",
        syscall: "spawn no-such-program",
      });
      const data = sandbox.spawn([`${sandbox.homeDirectory}/file`]);
      await expect(data).rejects.toMatchObject({ code: "EACCES" });
      await expect(sandbox.spawn([])).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      await expect(sandbox.spawn(["a\0b"])).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    });

    test("carries every byte in both directions", async () => {
      const bytes = Buffer.alloc(8 * 1024 * 1024, "0123456789abcdef\n\0\xff", "latin1");
      const child = await sandbox.spawn(["cat"]);
      child.stdin.end(bytes);
      const [output] = await Promise.all([collect(child.stdout), collect(child.stderr)]);
      expect(hash(output)).toBe(hash(bytes));
      expect(await child.exited).toEqual({ exitCode: 0, signal: null });
    });

    test("survives a process that does not read its input", async () => {
      const child = await sandbox.spawn(["true"]);
      child.stdin.write(Buffer.alloc(4 * 1024 * 1024));
      await drain(child);
      expect(await child.exited).toEqual({ exitCode: 0, signal: null });
    });

    test("exits before its output closes when a child of it holds the output", async () => {
      const child = await sandbox.spawn(["sh", "-c", "sleep 1000 & echo started"]);
      const [first] = (await once(child.stdout, "data")) as [Buffer];
      expect(first.toString()).toBe("started\n");
      expect(await child.exited).toEqual({ exitCode: 0, signal: null });
      expect(child.stdout.readableEnded).toBe(false);
      child.kill("SIGKILL");
      await drain(child);
      expect(child.stdout.readableEnded).toBe(true);
    });

    test("signals the whole group, and what handles a signal decides how it ends", async () => {
      const script = `trap "echo caught; exit 9" USR1
        sh -c "echo child is ready; sleep 1000" & echo ready; wait`;
      const child = await sandbox.spawn(["sh", "-c", script]);
      const said: string[] = [];
      child.stdout.on("data", (chunk: Buffer) => said.push(chunk.toString()));
      const errors = collect(child.stderr);
      await eventually("both are ready", () => said.join("").split("ready").length === 3);
      child.kill("SIGUSR1");
      expect(await child.exited).toEqual({ exitCode: 9, signal: null });
      await eventually("the output ends, because the child has got the signal too", () => {
        return child.stdout.readableEnded;
      });
      expect(said.join("")).toContain("caught");
      await errors;
      child.kill("SIGTERM");
    });

    test("can be stopped and continued", async () => {
      const child = await sandbox.spawn(["sh", "-c", "echo a; read x; echo b"]);
      const output = collect(child.stdout);
      const errors = collect(child.stderr);
      child.kill("SIGSTOP");
      await eventually("it is stopped", () => stateOf(child.pid) === "T");
      child.stdin.end("go\n");
      child.kill("SIGCONT");
      expect(await child.exited).toEqual({ exitCode: 0, signal: null });
      expect((await output).toString()).toBe("a\nb\n");
      await errors;
    });

    test("leads a process group of its own", async () => {
      const { stdout } = await runShell(sandbox, "echo $$; cut -d' ' -f5 /proc/self/stat");
      const [shell, group] = stdout.trim().split("\n");
      expect(group).toBe(shell);
    });

    test("runs twenty at once without mixing them", async () => {
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, number) =>
          runShell(sandbox, `echo out-${number}; echo err-${number} >&2; exit ${number}`),
        ),
      );
      expect(results).toEqual(
        Array.from({ length: 20 }, (_, number) => ({
          stdout: `out-${number}\n`,
          stderr: `err-${number}\n`,
          exitCode: number,
          signal: null,
        })),
      );
    });
  });
}

async function drain(child: EngineProcess): Promise<void> {
  await Promise.all([collect(child.stdout), collect(child.stderr), child.exited]);
}

function hash(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function stateOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2)[0];
  } catch {
    return undefined;
  }
}
