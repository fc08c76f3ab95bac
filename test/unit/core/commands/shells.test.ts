import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isLongRun } from "../../../helpers/long-run.ts";
import { findProgram } from "../../../helpers/shell-channel.ts";
import { CommandBench, text } from "./run-command.ts";

/** Who reads the script, and who runs the command. */
const pairs: readonly { readonly outer: string; readonly inner: string }[] = [
  { outer: "dash", inner: "dash" },
  { outer: "bash", inner: "bash" },
  { outer: "busybox", inner: "busybox" },
  { outer: "zsh", inner: "zsh" },
  { outer: "zsh", inner: "dash" },
  { outer: "bash", inner: "busybox" },
];

// The short run has the smallest shells, and zsh around them.
for (const shells of pairs.filter((_, index) => isLongRun || [0, 2, 4].includes(index))) {
  const missing = [shells.outer, shells.inner].filter((name) => findProgram(name) === undefined);
  const title = `${shells.outer} starts ${shells.inner} as sh`;
  describe.skipIf(missing.length > 0)(title, { timeout: 60_000 }, () => {
    test("keeps the streams apart and the exit code exact", async () => {
      await using bench = await CommandBench.open(shells);
      for (const code of [0, 1, 42, 126, 127, 128, 137, 143, 255]) {
        const outcome = await bench.run(`echo out; echo err >&2; exit ${code}`);
        expect(outcome).toMatchObject({ exitCode: code, signal: undefined, truncated: false });
        expect(text(outcome.stdoutBytes)).toBe("out\n");
        expect(text(outcome.stderrBytes)).toBe("err\n");
      }
    });

    test("passes an argv as it is", async () => {
      await using bench = await CommandBench.open(shells);
      const words = ["", "a b", "c'd", '"', "$HOME", "`id`", "*", "\\", "new\nline", "-n", "é€😀"];
      const outcome = await bench.run(["printf", "<%s>", ...words]);
      expect(text(outcome.stdoutBytes)).toBe(words.map((word) => `<${word}>`).join(""));
    });

    test("says 127 for a program that does not exist", async () => {
      await using bench = await CommandBench.open(shells);
      // A folder that this user may not search would make it 126.
      const env = { PATH: "/usr/bin:/bin" };
      expect(await bench.run(["no-such-program"], { env })).toMatchObject({ exitCode: 127 });
      expect(await bench.run(["-no-such-program"], { env })).toMatchObject({ exitCode: 127 });
    });

    test("passes every Unicode character in the environment", async () => {
      await using bench = await CommandBench.open(shells);
      // All 1.1 million take a while; one shell is enough, as a rule.
      const whole = shells === pairs[0] || isLongRun;
      for (const env of environments(whole ? 1 : 97)) {
        const outcome = await bench.run(["env", "-0"], { env });
        const seen = new Map(
          text(outcome.stdoutBytes)
            .split("\0")
            .map((entry) => [
              entry.slice(0, entry.indexOf("=")),
              entry.slice(entry.indexOf("=") + 1),
            ]),
        );
        // A boolean, because a difference of 100 KiB would be printed.
        for (const [name, value] of Object.entries(env)) {
          expect([name, seen.get(name) === value]).toEqual([name, true]);
        }
      }
    });

    // Bash and zsh read their input byte by byte, which takes seconds.
    test.runIf(shells.outer === shells.inner)("runs a command of 2 MiB", async () => {
      await using bench = await CommandBench.open(shells);
      const payload = `it's "€" \\ $x \`y\` \u0081\u0085\t😀${" and more".repeat(30)}\n`.repeat(
        7_000,
      );
      expect(Buffer.byteLength(payload)).toBeGreaterThan(1.9 * 1024 * 1024);
      const outcome = await bench.run(`sha256sum <<'END_OF_PAYLOAD'\n${payload}END_OF_PAYLOAD`);
      expect(text(outcome.stdoutBytes).slice(0, 64)).toBe(
        createHash("sha256").update(payload).digest("hex"),
      );
    });

    test.each([
      ["a comment", "echo one # comment", "one\n"],
      ["a heredoc", "cat <<EOF\none\nEOF", "one\n"],
      ["a heredoc without its end", "cat <<EOF\none", "one\n"],
      ["a backslash", "echo one \\", "one\n"],
      ["a background job", "sleep 30 & echo one", "one\n"],
      ["an ampersand", "echo one\nsleep 30 &", "one\n"],
    ])("copes with %s at the end", async (_, command, expected) => {
      await using bench = await CommandBench.open(shells);
      const outcome = await bench.run(`trap 'kill $!' EXIT; ${command}`);
      expect(text(outcome.stdoutBytes)).toBe(expected);
      expect(outcome.durationMs).toBeLessThan(4_000);
    });

    test("is not disturbed by a command that is no shell script", async () => {
      await using bench = await CommandBench.open(shells);
      for (const command of ["echo 'open", 'echo "open', "(", "if true", "}", "fi"]) {
        const outcome = await bench.run(command);
        expect(outcome.exitCode).not.toBe(0);
        expect(text(outcome.stdoutBytes)).toBe("");
      }
      expect(text((await bench.run("echo next")).stdoutBytes)).toBe("next\n");
    });

    test.each([
      ["exit", "exit 42", 42],
      ["set -e", "set -e; false; echo no", 1],
      ["exec", "exec sh -c 'exit 7'", 7],
      ["a killed shell", "kill -9 $$", 137],
      ["a terminated shell", "kill -15 $$", 143],
      ["an interrupted shell", "kill -2 $$; sleep 30", 130],
      ["nothing", "", 0],
    ])("takes the exit code of %s", async (name, command, exitCode) => {
      await using bench = await CommandBench.open(shells);
      // Where `env` cannot give SIGINT back, dash and busybox leave it ignored.
      expect(await bench.run(command)).toMatchObject({ exitCode, signal: undefined });
      expect(name).not.toBe("");
    });

    test("runs where it is told, and says when that is no directory", async () => {
      await using bench = await CommandBench.open(shells);
      const cwd = join(bench.channel.home, "a 'strange' \"place\"\n$HOME é");
      await mkdir(cwd);
      expect(text((await bench.run("pwd", { cwd })).stdoutBytes)).toBe(`${cwd}\n`);
      for (const wrong of [join(bench.channel.home, "missing"), "/etc/passwd"]) {
        await expect(bench.run("touch ran", { cwd: wrong })).rejects.toMatchObject({
          code: "WORKING_DIRECTORY_NOT_FOUND",
          cwd: wrong,
        });
      }
    });

    test("gives standard input byte for byte, or its end at once", async () => {
      await using bench = await CommandBench.open(shells);
      expect(text((await bench.run("cat; echo end")).stdoutBytes)).toBe("end\n");
      const inputs = [
        "",
        "a\n\nb",
        "it's 'quoted' \\ €\r\n\n",
        Buffer.from([0, 255, 10, 13, 0x81, 0]),
      ];
      for (const input of inputs) {
        const stdin = new Uint8Array(Buffer.from(input));
        expect((await bench.run("cat", { stdin })).stdoutBytes).toEqual(stdin);
      }
    });

    test("gives output byte for byte", async () => {
      await using bench = await CommandBench.open(shells);
      const outputs = [
        "",
        "\n",
        "no newline",
        "\uFEFFmark",
        "\uFFFD",
        "é€😀\u0085\r\n\0\n",
        Buffer.alloc(700, 0xe4),
      ];
      for (const output of outputs) {
        const stdin = new Uint8Array(Buffer.from(output));
        const { stdoutBytes, stderrBytes } = await bench.run("tee /proc/self/fd/2", { stdin });
        expect(stdoutBytes).toEqual(stdin);
        expect(stderrBytes).toEqual(stdin);
      }
    });

    test("leaves the umask, the streams and the environment as they were", async () => {
      await using bench = await CommandBench.open(shells);
      const outcome = await bench.run("umask; readlink /proc/self/fd/* | grep -c run/; env");
      const [umask, descriptors, ...environment] = text(outcome.stdoutBytes).trim().split("\n");
      expect(Number.parseInt(umask ?? "", 8)).toBe(process.umask());
      // Standard error alone: in the pipe, standard output is another one.
      expect(Number(descriptors)).toBe(1);
      const names = environment.map((entry) => entry.slice(0, entry.indexOf("="))).sort();
      expect(names.filter((name) => !["SHLVL", "_", "OLDPWD", "LOGNAME"].includes(name))).toEqual([
        "HOME",
        "PATH",
        "PWD",
        "SANDBOX_BACKEND_PROCESS",
      ]);
    });
  });
}

/** All characters but NUL (above U+3000 one in `step`), in values of up to 100 KiB, as many at a time as one exec may have. */
function* environments(step: number): Generator<Record<string, string>> {
  let env: Record<string, string> = {
    QUOTES: "it's \"quoted\" `id` $(id) $HOME \\ \\' '",
    LINES_OF_TEXT: "\n\na\r\nb\n",
    EMPTY: "",
    UID: "4711",
    PPID_LIKE: "1",
    f: "not ours",
    PATH: `${process.env.PATH}:/nowhere`,
  };
  let characters: string[] = [];
  let bytes = 0;
  const flush = (): void => {
    env[`CHARACTERS_${Object.keys(env).length}`] = characters.join("");
    characters = [];
    bytes = 0;
  };
  for (let point = 1; point <= 0x10_ff_ff; point += point < 0x30_00 ? 1 : step) {
    if (point >= 0xd8_00 && point <= 0xdf_ff) continue;
    const character = String.fromCodePoint(point);
    bytes += Buffer.byteLength(character);
    characters.push(character);
    if (bytes > 100 * 1024 - 4) flush();
    if (Object.keys(env).length > 15) {
      yield env;
      env = {};
    }
  }
  flush();
  yield env;
}
