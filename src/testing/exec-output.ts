import assert from "node:assert/strict";
import type { Conformance } from "./conformance.ts";
import { inGroups } from "./in-groups.ts";
import { eventually } from "./polling.ts";
import { markerOf } from "./process-marker.ts";

const area = "exec output";
const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte);

/** A `printf` that writes exactly these bytes. */
function printing(bytes: Uint8Array): string {
  const escapes = [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`);
  return `printf '${escapes.join("")}'`;
}

/** Output reaches the caller byte for byte, in order, and while the command runs. */
export function execOutputCases(conformance: Conformance): void {
  conformance.add(area, "keeps every byte value on both streams, NUL included", async () => {
    const backend = await conformance.shared();
    const reversed = everyByte.toReversed();
    const result = await backend.exec(`${printing(everyByte)}; ${printing(reversed)} >&2`);
    assert.deepEqual(Buffer.from(result.stdoutBytes), Buffer.from(everyByte));
    assert.deepEqual(Buffer.from(result.stderrBytes), Buffer.from(reversed));
  });

  conformance.add(area, "decodes as UTF-8, with U+FFFD for what is not", async () => {
    const backend = await conformance.shared();
    const result = await backend.exec(`${printing(Uint8Array.of(0x61, 0xff, 0x62, 0xe2, 0x82))}`);
    assert.equal(result.stdout, "a\ufffdb\ufffd");
    assert.equal(Buffer.from(result.stdoutBytes).toString("hex"), "61ff62e282");
  });

  conformance.add(
    area,
    "tells U+FFFD that a program wrote from bytes that are not UTF-8",
    async () => {
      const backend = await conformance.shared();
      const result = await backend.exec(`${printing(Buffer.from("a\ufffdb"))}; printf '\\377' >&2`);
      assert.equal(Buffer.from(result.stdoutBytes).toString("hex"), "61efbfbd62");
      assert.equal(result.stdout, "a\ufffdb");
      assert.equal(Buffer.from(result.stderrBytes).toString("hex"), "ff");
    },
  );

  conformance.add(area, "joins a character that was written in two pieces", async () => {
    const backend = await conformance.shared();
    const result = await backend.exec(
      `${printing(Uint8Array.of(0xf0, 0x9f))}; sleep 0.3; ${printing(Uint8Array.of(0x9a, 0x80))}`,
    );
    assert.equal(result.stdout, "🚀");
  });

  conformance.add(area, "keeps newlines, blanks and a byte order mark as they are", async () => {
    const backend = await conformance.shared();
    const outputs = [
      "",
      "a",
      "a\n",
      "\n",
      "\n\n a \n\n",
      "a\r\nb\r\n",
      "\r",
      "\ufeffa",
      " ",
      "\t\n",
    ];
    await inGroups(outputs, 5, async (output) => {
      const bytes = Buffer.from(output);
      const command = bytes.length === 0 ? "true" : printing(bytes);
      const result = await backend.exec(`${command}; ${command} >&2`);
      assert.equal(Buffer.from(result.stdoutBytes).toString("hex"), bytes.toString("hex"));
      assert.equal(Buffer.from(result.stderrBytes).toString("hex"), bytes.toString("hex"));
      assert.equal(result.stdout, output);
    });
  });

  conformance.add(area, "does not confuse output with its own marks", async () => {
    const backend = await conformance.shared();
    const lines = [
      "exit 0",
      "EXIT:0",
      "__END__",
      "\u0001\u0001\u0001out",
      "\u0002\u0002\u0002err",
      "0",
      "EOF",
    ];
    const text = `${lines.join("\n")}\n`;
    const result = await backend.exec(["sh", "-c", 'printf %s "$1"; exit 9', "sh", text], {
      check: false,
    });
    assert.equal(result.stdout, text);
    assert.equal(result.exitCode, 9);
  });

  conformance.add(
    area,
    "gives the pieces of each stream in order, all before it resolves",
    async () => {
      const backend = await conformance.shared();
      const stdout: Uint8Array[] = [];
      const stderr: Uint8Array[] = [];
      const result = await backend.exec(
        "i=0; while [ $i -lt 2000 ]; do echo line $i; [ $((i % 10)) = 0 ] && echo err $i >&2; i=$((i+1)); done; :",
        {
          onStdout: (chunk) => stdout.push(Uint8Array.from(chunk)),
          onStderr: (chunk) => stderr.push(Uint8Array.from(chunk)),
        },
      );
      const numbers = Array.from({ length: 2000 }, (_, index) => index);
      const expected = numbers.map((number) => `line ${number}\n`).join("");
      assert.equal(Buffer.concat(stdout).toString(), expected);
      assert.equal(result.stdout, expected);
      assert.equal(Buffer.concat(stderr).toString(), result.stderr);
      assert.equal(result.stderr.split("\n").length - 1, 200);
      assert.ok(
        stdout.every((chunk) => chunk.length > 0),
        "no piece is empty",
      );
    },
  );

  conformance.add(area, "gives output while the command still runs", async () => {
    const { backend, path } = await conformance.directory();
    let seen = "";
    // The command ends only once the caller, having seen the first line, has made the file.
    const running = backend.exec("echo first; until [ -e go ]; do sleep 0.1; done; echo second", {
      cwd: path,
      timeoutMs: conformance.patient(40_000),
      onStdout: (chunk) => {
        seen += Buffer.from(chunk).toString();
      },
    });
    // A failure of the command shows below; it must not count as unhandled while the case polls.
    running.catch(() => {});
    await eventually("The first line", conformance.patient(20_000), async () => seen !== "");
    assert.equal(seen, "first\n");
    await backend.writeFile(`${path}/go`, "");
    assert.equal((await running).stdout, "first\nsecond\n");
    assert.equal(seen, "first\nsecond\n");
  });

  conformance.add(area, "rejects with what a listener throws, and ends the command", async () => {
    const backend = await conformance.shared();
    const marker = markerOf("listener");
    const running = backend.exec("echo go; sleep 300", {
      env: marker.env,
      onStdout: () => {
        throw new Error("The listener has failed");
      },
    });
    await assert.rejects(running, (error: Error) => {
      const messages = [error.message, (error.cause as Error | undefined)?.message];
      return messages.some((message) => message?.includes("The listener has failed"));
    });
    await eventually("The end of the command", conformance.patient(15_000), async () => {
      return (await marker.processes(backend)) === 0;
    });
  });
}
