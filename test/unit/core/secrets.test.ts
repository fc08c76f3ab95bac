import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { CommandRunner } from "../../../src/core/commands/command-runner.ts";
import { Redactor } from "../../../src/core/redact.ts";
import { firstWords } from "../../../src/core/secrets/place-secrets.ts";
import { secretsMemoryPath } from "../../../src/core/secrets/secrets-file.ts";
import { withoutSecretsOnDisk } from "../../../src/core/secrets/without-secrets-on-disk.ts";
import { proveThatItAnswers } from "../../../src/core/setup/prove-answer.ts";
import type { Transport } from "../../../src/core/transport.ts";
import { findProgram, ShellChannel } from "../../helpers/shell-channel.ts";

const sandboxId = `secrets-test-${process.pid}`;
const signal = AbortSignal.timeout(60_000);
const hardTexts: Readonly<Record<string, string>> = {
  PLAIN: "plain",
  EMPTY: "",
  QUOTES: `'single' "double" \`ls\` $HOME $(id) \\ \\n %s`,
  LINES: "first\nsecond\n\nfourth\n",
  HASH: "# names: no comment\n#another",
  UNICODE: "Grüße 🔑\u2028\u0001\u007f",
};

afterEach(async () => {
  await rm(secretsMemoryPath(sandboxId), { force: true });
});

const shells = ["dash", "bash", "busybox", "zsh"].filter((shell) => findProgram(shell));

describe.for(shells)("in %s", (shell) => {
  test.for([true, false])("commands get any text as it is; memory: %s", async (inMemory) => {
    await using channel = await ShellChannel.open(shell);
    const words = firstWords({ sharesMemory: !inMemory } as Transport, sandboxId, hardTexts);
    const first = await proveThatItAnswers(channel, words, signal);
    expect(first.secrets).toEqual({
      place: inMemory ? "memory" : "disk",
      names: Object.keys(hardTexts),
    });
    const path = inMemory ? secretsMemoryPath(sandboxId) : join(first.folder ?? "", "secrets");
    expect((await stat(path)).mode & 0o777).toBe(0o600);

    const runner = new CommandRunner({ channel, sandboxId });
    const run = async (command: string, env: Record<string, string> = {}): Promise<string> => {
      const options = { cwd: "/", env, timeoutMs: 30_000, maxOutputBytes: 1e6, maxLogBytes: 1e6 };
      const { stdoutBytes } = await runner.run({ command, ...options }, signal);
      return Buffer.from(stdoutBytes).toString();
    };
    const names = Object.keys(hardTexts).map((name) => `"$${name}"`);
    // A variable of one command wins.
    const shown = await run(`printf '%s<end>' ${names.join(" ")}`, { PLAIN: "own" });
    expect(shown.split("<end>").slice(0, -1)).toEqual(
      Object.entries(hardTexts).map(([name, value]) => (name === "PLAIN" ? "own" : value)),
    );

    // Others take their place as a whole; none given leaves them.
    const { secretsMemoryPath: memory } = words;
    await proveThatItAnswers(
      channel,
      { secretsMemoryPath: memory, secrets: { OTHER: "x" } },
      signal,
    );
    expect(await run("printf '%s' \"${PLAIN-gone} $OTHER\"")).toBe("gone x");
    const after = await proveThatItAnswers(
      channel,
      { secretsMemoryPath: memory, secrets: undefined },
      signal,
    );
    expect(after.secrets.names).toEqual(["OTHER"]);
    await runner.dispose(signal);
  });
});

test("secrets on a disk are away while a snapshot is made, and back afterwards, also after a failure", async () => {
  await using channel = await ShellChannel.open("dash");
  const words = { secretsMemoryPath: undefined, secrets: hardTexts };
  const { folder = "" } = await proveThatItAnswers(channel, words, signal);
  const path = join(folder, "secrets");
  const before = await readFile(path, "utf8");
  const during = await withoutSecretsOnDisk(channel, signal, async () => readdir(folder));
  expect(during).not.toContain("secrets");
  expect(await readFile(path, "utf8")).toBe(before);
  const failing = withoutSecretsOnDisk(channel, signal, () => Promise.reject(new Error("no room")));
  await expect(failing).rejects.toThrow("no room");
  expect(await readFile(path, "utf8")).toBe(before);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  // Newer ones of another host stay.
  await withoutSecretsOnDisk(channel, signal, async () => {
    await proveThatItAnswers(channel, { ...words, secrets: { NEWER: "1" } }, signal);
  });
  expect(await readFile(path, "utf8")).toContain("NEWER");
});

test("without any on a disk it costs one request", async () => {
  await using channel = await ShellChannel.open("dash");
  const before = channel.scripts.length;
  expect(await withoutSecretsOnDisk(channel, signal, async () => "done")).toBe("done");
  expect(channel.scripts.length - before).toBe(1);
});

test("a secret is hidden whole, by its lines, and in the forms of URLs, HTTP and JSON", () => {
  const secret = "first line of it\nsecond line/with ä";
  const redactor = new Redactor([secret, "abc"]);
  for (const shown of [
    secret,
    "a first line of it b",
    encodeURIComponent(secret),
    Buffer.from(secret).toString("base64"),
    JSON.stringify({ secret }),
  ]) {
    const text = redactor.text(shown);
    expect(text).toContain("[redacted]");
    expect(text).not.toMatch(/first line|second line|Zmlyc3/);
  }
  // Too short to be looked for: it is in every other word.
  expect(redactor.text("abc")).toBe("abc");
  const bytes = Buffer.from("nothing to hide");
  expect(redactor.bytes(bytes)).toBe(bytes);
  expect(Buffer.from(redactor.bytes(Buffer.from(`x${secret}`))).toString()).toBe("x[redacted]");
});
