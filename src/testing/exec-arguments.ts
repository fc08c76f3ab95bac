import assert from "node:assert/strict";
import type { Command } from "../contract/command.ts";
import type { Conformance } from "./conformance.ts";
import { difficultTexts } from "./difficult-texts.ts";
import { inGroups } from "./in-groups.ts";

const area = "exec arguments";

/** What a command may consist of: scripts of any shape and size, and argv items that no shell parses. */
export function execArgumentCases(conformance: Conformance): void {
  conformance.add(area, "runs scripts with heredocs, comments and many lines", async () => {
    const backend = await conformance.shared();
    const scripts: ReadonlyArray<readonly [script: string, stdout: string]> = [
      ["cat <<'END'\n$HOME `x` \"quoted\"\nEND\n", '$HOME `x` "quoted"\n'],
      ["cat <<END\nno newline after the end\nEND", "no newline after the end\n"],
      ["cat <<-END\n\tindented\n\tEND\necho after", "indented\nafter\n"],
      ["echo hi # a comment at the end", "hi\n"],
      ["echo hi #", "hi\n"],
      ["\n\n  echo lines\n\n", "lines\n"],
      ["echo a; echo b &&\necho c", "a\nb\nc\n"],
      ["printf '%s' 'no newline at the end'", "no newline at the end"],
      ['f() { echo "in $1"; }\nf function', "in function\n"],
      ["printf 'a\r\n' | wc -c | tr -d ' '", "3\n"],
      ["echo \\\ncontinued", "continued\n"],
      ["(echo sub; exit 3) || echo $?", "sub\n3\n"],
      ["echo '€ 漢字 🚀 é'", "€ 漢字 🚀 é\n"],
      ["set -e; false || echo kept; echo end", "kept\nend\n"],
      ["trap 'echo trapped' EXIT; echo body", "body\ntrapped\n"],
    ];
    await inGroups(scripts, 5, async ([script, stdout]) => {
      assert.equal((await backend.exec(script)).stdout, stdout, JSON.stringify(script));
    });
  });

  conformance.add(
    area,
    "runs the rest of a script after a command that reads its input",
    async () => {
      const backend = await conformance.shared();
      const { stdout } = await backend.exec("cat\necho after cat\nsh\necho after sh\n");
      assert.equal(stdout, "after cat\nafter sh\n");
    },
  );

  conformance.add(area, "reports a script with a syntax error as the shell does", async () => {
    const backend = await conformance.shared();
    const scripts = ["echo 'unbalanced", 'echo "unbalanced', "echo $(unbalanced", "if true", ")"];
    await inGroups(scripts, 5, async (script) => {
      const result = await backend.exec(script, { check: false });
      assert.notEqual(result.exitCode, 0, script);
      assert.notEqual(result.stderr, "", script);
    });
    // Nothing of it is left that a later command could fall over.
    assert.equal((await backend.exec("echo fine")).stdout, "fine\n");
  });

  conformance.add(area, "takes a script of 2 MiB", async () => {
    const backend = await conformance.shared();
    const text = "0123456789abcde\n".repeat(131_072);
    const { stdout } = await backend.exec(`wc -c <<'END' | tr -d ' '\n${text}END\necho end`);
    assert.equal(stdout, `${text.length}\nend\n`);
  });

  conformance.add(area, "takes a script whose one line has 300 KiB", async () => {
    const backend = await conformance.shared();
    const text = "x'y".repeat(102_400).replaceAll("'", `'"'"'`);
    const { stdout } = await backend.exec(`printf %s '${text}' | wc -c | tr -d ' '`);
    assert.equal(stdout, "307200\n");
  });

  conformance.add(area, "passes argv items on byte for byte", async () => {
    const backend = await conformance.shared();
    const items = difficultTexts.filter((text) => !text.includes("\0"));
    const result = await backend.exec(["printf", "[%s]\n", ...items]);
    assert.equal(result.stdout, items.map((item) => `[${item}]\n`).join(""));
  });

  conformance.add(area, "passes an argv item of 100 KiB on", async () => {
    const backend = await conformance.shared();
    const item = "it's $(long) ".repeat(8_000);
    const result = await backend.exec(["printf", "%s", item]);
    assert.ok(result.stdout === item, `got ${result.stdout.length} of ${item.length} characters`);
  });

  conformance.add(area, "never parses the program of an argv", async () => {
    const { backend, path } = await conformance.directory();
    const programs = ["echo hi", "no-such-program", "-c", "A=1", "$(echo echo)", "if", "~", "*"];
    await inGroups(programs, 4, async (program) => {
      const result = await backend.exec([program, "hi"], { cwd: path, check: false });
      assert.equal(result.exitCode, 127, `exit code of the program ${JSON.stringify(program)}`);
      assert.equal(result.stdout, "");
    });
  });

  conformance.add(area, "gives 126 for a file that is not executable", async () => {
    const { backend, path } = await conformance.directory();
    await backend.writeFile(`${path}/plain`, "echo hi\n", { mode: 0o644 });
    const result = await backend.exec([`${path}/plain`], { check: false });
    assert.equal(result.exitCode, 126);
  });

  conformance.add(area, "runs a program whose path has spaces and quotes", async () => {
    const { backend, path } = await conformance.directory();
    const program = `${path}/it's a "program" $(x)`;
    await backend.writeFile(program, '#!/bin/sh\nprintf "%s|" "$@"\n', { mode: 0o755 });
    assert.equal((await backend.exec([program, "a b", ""])).stdout, "a b||");
    const inDirectory = await backend.exec([`./it's a "program" $(x)`, "c"], { cwd: path });
    assert.equal(inDirectory.stdout, "c|");
  });

  conformance.add(area, "refuses commands that are empty or that no shell can carry", async () => {
    const backend = await conformance.shared();
    const commands: readonly Command[] = ["", " \n", [], [""], "a\0b", ["echo", "a\0b"], "\ud800"];
    await conformance.sendsNoRequest(async () => {
      for (const command of commands) {
        await conformance.rejects(backend.exec(command), "CONFIG_INVALID", { operation: "exec" });
      }
    });
  });

  conformance.add(area, "refuses what is not a command at all", async () => {
    const backend = await conformance.shared();
    await conformance.sendsNoRequest(async () => {
      for (const command of [undefined, null, 7, {}, ["echo", 7], ["echo", undefined]]) {
        await conformance.rejects(backend.exec(command as Command), "CONFIG_INVALID", {
          operation: "exec",
        });
      }
    });
  });
}
