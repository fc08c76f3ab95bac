import { chmod, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { becomesAnyUser } from "../../../helpers/capabilities.ts";
import { findProgram } from "../../../helpers/shell-channel.ts";
import { CommandBench, nothingRuns, read, text } from "../commands/run-command.ts";

const ways = [["setpriv"], ["runuser"], ["su"]].map(([way = ""]) => ({
  way,
  without: ["setpriv", "runuser", "su"].filter((other) => other !== way),
}));

/** A bench whose folders the other user can enter, and in which only one way of becoming that user exists. */
async function openFor(way: string): Promise<CommandBench> {
  const bench = await CommandBench.open();
  await chmod(dirname(bench.channel.home), 0o755);
  await chmod(bench.channel.home, 0o755);
  const programs = ["sh", "sleep", "cat", "rm", "mkdir", "wc", "id", "chown", "env", "setsid"];
  const more = ["grep", "head", "tail", "mkfifo", "mv", "ln", "printenv", "sudo", "find"];
  const path = await bench.channel.onlyPrograms(...programs, ...more, way);
  bench.channel.setEnv({ PATH: path });
  return bench;
}

describe.runIf(becomesAnyUser)(
  "another user (of a root that may become it)",
  { timeout: 60_000 },
  () => {
    test.each(ways)("runs a command by $way", async ({ way }) => {
      expect(findProgram(way)).toBeDefined();
      await using bench = await openFor(way);
      const shared = join(bench.channel.home, "shared");
      await mkdir(shared);
      await chmod(shared, 0o777);
      const { stdoutBytes, exitCode } = await bench.run(
        "id -un; echo $HOME $WORD; printenv SECRET_WORD; cat; : >made; exit 4",
        {
          user: "nobody",
          cwd: shared,
          env: { WORD: "it's" },
          secretEnv: { SECRET_WORD: "hidden" },
          stdin: Buffer.from("typed"),
        },
      );
      expect(text(stdoutBytes)).toBe("nobody\n/nonexistent it's\nhidden\ntyped");
      expect(exitCode).toBe(4);
      const owner = await bench.run("find made -user nobody", { cwd: shared });
      expect(text(owner.stdoutBytes)).toBe("made\n");
      await bench.runner.dispose(AbortSignal.timeout(5_000));
      expect(
        text(
          (await bench.run("find /tmp /dev/shm -maxdepth 1 -name '*sandbox-backend-user*'"))
            .stdoutBytes,
        ),
      ).toBe("");
    });

    test("is killed and followed like its own", async () => {
      await using bench = await openFor("setpriv");
      const child = await bench.spawn("echo up; sleep 600 & sleep 601", { user: "nobody" });
      const reader = child.stdout.getReader();
      expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("up\n");
      expect(await child.kill()).toBe(true);
      expect(await child.wait()).toMatchObject({ signal: "SIGTERM" });
      expect(await nothingRuns(bench)).toBe(true);
    });

    test("may be named by its number, and may be the one that it is already", async () => {
      await using bench = await openFor("setpriv");
      expect(text((await bench.run("id -un", { user: "65534" })).stdoutBytes)).toBe("nobody\n");
      expect(text((await bench.run("id -un", { user: "root" })).stdoutBytes)).toBe("root\n");
      const child = await bench.spawn("cat", { user: "nobody", stdin: "open" });
      await child.write("fed");
      await child.closeInput();
      expect((await read(child.stdout)).toString()).toBe("fed");
    });

    test("that does not exist, or that nothing can become, is refused and nothing runs", async () => {
      await using bench = await openFor("none");
      await expect(bench.run(": >ran", { user: "nosuchuser" })).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        path: "user",
      });
      await expect(bench.run(": >ran", { user: "nobody" })).rejects.toMatchObject({
        code: "UNSUPPORTED_OPERATION",
      });
      expect(text((await bench.run("ls")).stdoutBytes)).not.toContain("ran");
    });
  },
);
