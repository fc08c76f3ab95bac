import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Conformance } from "./conformance.ts";
import { difficultTexts } from "./difficult-texts.ts";
import { inGroups } from "./in-groups.ts";
import { unicodeBlocks } from "./unicode-blocks.ts";

const area = "exec environment";

/** Where a command runs, what its environment is, and what it reads. */
export function execEnvironmentCases(conformance: Conformance): void {
  workingDirectoryCases(conformance);
  variableCases(conformance);
  standardInputCases(conformance);
}

function workingDirectoryCases(conformance: Conformance): void {
  conformance.add(area, "runs in the working directory unless told otherwise", async () => {
    const backend = await conformance.shared();
    assert.match(backend.workDir, /^\//);
    assert.equal((await backend.exec("pwd")).stdout, `${backend.workDir}\n`);
    assert.equal((await backend.exec(["pwd"])).stdout, `${backend.workDir}\n`);
    assert.equal((await backend.exec('echo "$WORKDIR"')).stdout, `${backend.workDir}\n`);
  });

  conformance.add(
    area,
    "runs in an absolute directory and in one relative to workDir",
    async () => {
      const { backend, path } = await conformance.directory();
      const names = [
        "plain",
        "two words",
        'it\'s "quoted"',
        "$(echo x)",
        "-dash",
        "é漢🚀",
        "new\nline",
      ];
      for (const name of names) {
        await backend.makeDirectory(`${path}/${name}`);
        for (const cwd of [
          `${path}/${name}`,
          `${path.slice(backend.workDir.length + 1)}/${name}`,
        ]) {
          assert.equal((await backend.exec("pwd", { cwd })).stdout, `${path}/${name}\n`);
        }
      }
    },
  );

  conformance.add(area, "takes a relative directory that begins with a dash", async () => {
    const backend = await conformance.shared();
    await backend.makeDirectory("-conformance");
    const { stdout } = await backend.exec("pwd", { cwd: "-conformance" });
    assert.equal(stdout, `${backend.workDir}/-conformance\n`);
    await backend.remove("-conformance", { recursive: true });
  });

  conformance.add(area, "rejects for a missing directory, and runs nothing", async () => {
    const { backend, path } = await conformance.directory();
    await backend.writeFile(`${path}/file`, "");
    const witness = `${path}/has-run`;
    for (const cwd of [
      `${path}/missing`,
      `${path}/file`,
      "missing/below",
      `${path}/missing/below`,
    ]) {
      for (const command of [`: >${witness}`, ["touch", witness]]) {
        const error = await conformance.rejects(
          backend.exec(command, { cwd, check: false }),
          "WORKING_DIRECTORY_NOT_FOUND",
          { operation: "exec", sandboxId: backend.sandboxId },
        );
        assert.ok(error.cwd.endsWith(cwd), `cwd of the error is ${error.cwd}`);
      }
    }
    assert.equal(await backend.exists(witness), false);
  });
}

function variableCases(conformance: Conformance): void {
  conformance.add(area, "passes every Unicode character but NUL on in a variable", async () => {
    const backend = await conformance.shared();
    const blocks = unicodeBlocks(90_000);
    const groups = Array.from({ length: Math.ceil(blocks.length / 10) }, (_, index) =>
      blocks.slice(index * 10, index * 10 + 10),
    );
    await inGroups(groups, 3, async (group) => {
      const env = Object.fromEntries(group.map((block, index) => [`BLOCK_${index}`, block]));
      const words = Object.keys(env).map((name) => `"$${name}"`);
      const result = await backend.exec(`printf %s ${words.join(" ")}`, { env });
      const expected = group.join("");
      const first = `block that begins with U+${expected.codePointAt(0)?.toString(16)}`;
      assert.equal(sha256(result.stdoutBytes), sha256(Buffer.from(expected)), first);
    });
  });

  conformance.add(area, "passes difficult values on, to scripts and to programs", async () => {
    const backend = await conformance.shared();
    const env = Object.fromEntries(difficultTexts.map((text, index) => [`TEXT_${index}`, text]));
    const names = Object.keys(env);
    const expected = difficultTexts.map((text) => `[${text}]\n`).join("");
    const script = `printf '[%s]\\n' ${names.map((name) => `"$${name}"`).join(" ")}`;
    assert.equal((await backend.exec(script, { env })).stdout, expected);
    assert.equal((await backend.exec(["sh", "-c", script], { env })).stdout, expected);
  });

  conformance.add(area, "adds to the environment of the sandbox, for one command", async () => {
    const backend = await conformance.shared();
    const script = 'echo "$CONFORMANCE_CONFIG|$CONFORMANCE_CALL|${PATH:+path}"';
    const env = { CONFORMANCE_CALL: "call" };
    assert.equal((await backend.exec(script, { env })).stdout, "from the config|call|path\n");
    assert.equal((await backend.exec(script)).stdout, "from the config||path\n");
    const overriding = { CONFORMANCE_CONFIG: "" };
    assert.equal((await backend.exec(script, { env: overriding })).stdout, "||path\n");
  });

  conformance.add(area, "takes names of every form, also those that shells use", async () => {
    const backend = await conformance.shared();
    const env = {
      _under: "1",
      lower: "2",
      A1: "3",
      i: "4",
      PS4: "6",
      OLDPWD: "/nowhere",
      nonce: "5",
    };
    const { stdout } = await backend.exec(["env"], { env });
    const lines = stdout.split("\n");
    for (const [name, value] of Object.entries(env)) {
      assert.ok(lines.includes(`${name}=${value}`), `${name} is missing in:\n${stdout}`);
    }
  });

  conformance.add(area, "refuses names and values that no environment can hold", async () => {
    const backend = await conformance.shared();
    const names = ["", "1A", "A-B", "A B", "A=B", "Ä", "A\n", "A;touch x", "$(x)", "A.B"];
    await conformance.sendsNoRequest(async () => {
      for (const name of names) {
        const error = await conformance.rejects(
          backend.exec("true", { env: { [name]: "value" } }),
          "CONFIG_INVALID",
          { operation: "exec" },
        );
        assert.match(error.path, /^env/);
      }
      for (const value of ["a\0b", 7, undefined, null]) {
        const env = { NAME: value } as Record<string, string>;
        await conformance.rejects(backend.exec("true", { env }), "CONFIG_INVALID", {
          operation: "exec",
        });
      }
    });
  });
}

function standardInputCases(conformance: Conformance): void {
  conformance.add(area, "gives a command no input unless told otherwise", async () => {
    const backend = await conformance.shared();
    assert.equal((await backend.exec("cat; echo end")).stdout, "end\n");
    assert.equal((await backend.exec(["cat"])).stdout, "");
    assert.equal((await backend.exec("cat; echo end", { stdin: "" })).stdout, "end\n");
    assert.equal((await backend.exec("read x || echo none")).stdout, "none\n");
  });

  conformance.add(area, "gives text and bytes as they are", async () => {
    const backend = await conformance.shared();
    for (const text of [
      "text",
      "line\n",
      "'\"$(x)`y`\\",
      "é漢🚀",
      "no newline\nat the end",
      "EOF\n",
    ]) {
      assert.equal((await backend.exec("cat", { stdin: text })).stdout, text);
    }
    const bytes = Uint8Array.from({ length: 512 }, (_, index) => index % 256);
    const result = await backend.exec(["cat"], { stdin: bytes });
    assert.deepEqual(Buffer.from(result.stdoutBytes), Buffer.from(bytes));
  });

  conformance.add(
    area,
    "gives 1 MiB of input, to a command that reads it or does not",
    async () => {
      const backend = await conformance.shared();
      const stdin = Buffer.alloc(1_048_576);
      for (let index = 0; index < stdin.length; index += 1) stdin[index] = (index * 31) % 251;
      assert.equal((await backend.exec("sha256sum", { stdin })).stdout.slice(0, 64), sha256(stdin));
      assert.equal((await backend.exec("head -c 3 | wc -c | tr -d ' '", { stdin })).stdout, "3\n");
      assert.equal((await backend.exec("echo unread", { stdin })).stdout, "unread\n");
    },
  );

  conformance.add(area, "gives input to the first command that reads, in order", async () => {
    const backend = await conformance.shared();
    const { stdout } = await backend.exec('read a; read b; echo "$b|$a"; cat', {
      stdin: "one\ntwo\nrest\n",
    });
    assert.equal(stdout, "two|one\nrest\n");
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
