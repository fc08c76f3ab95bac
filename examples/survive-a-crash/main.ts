/**
 * A long build that outlives its host: one process starts it in a sandbox and is killed in the midst of its output; a second
 * process, which knows two IDs and an offset, follows it to its end. Nothing is lost and nothing comes twice.
 *
 *     npm run example:crash
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { config } from "dotenv";
import { reconnectBackend } from "sandbox-backend";
import { startEmulator } from "../quickstart/provider.ts";
import { buildOutput, type Notes } from "./build.ts";

config({ quiet: true });

const folder = await mkdtemp(join(tmpdir(), "sandbox-backend-crash-"));
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

try {
  await using _provider = await openProvider();
  const notesPath = join(folder, "notes.json");
  const outputPath = join(folder, "output.txt");

  say("\nFirst host: starts the build, and is killed with SIGKILL in the midst of it.");
  const first = await runHost("start-build.ts", [notesPath, outputPath]);
  if (first !== "SIGKILL")
    throw new Error(`The first host was to be killed; it ended with ${first}.`);
  const notes = JSON.parse(await readFile(notesPath, "utf8")) as Notes;
  try {
    say(`\nIt is dead. What it left: sandbox ${notes.ref.sandboxId}, process ${notes.processId},`);
    say(`and the note that ${notes.stdoutOffset} bytes of output have been dealt with.`);

    say("\nSecond host: attaches by those IDs, and goes on from that byte.");
    const second = await runHost("follow-build.ts", [notesPath, outputPath]);
    if (second !== 0) throw new Error(`The second host ended with ${second}.`);

    const output = await readFile(outputPath, "utf8");
    if (output !== buildOutput) throw new Error(`The output differs:\n${output}`);
    say(`\nBoth together have ${Buffer.byteLength(output)} bytes: each line of the build, once.`);
  } finally {
    await using backend = await reconnectBackend(notes.ref);
    await backend.teardown();
    say("The sandbox is deleted.");
  }
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(`\n${String(error)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** The live service when a key is set, else an emulator in this process, which neither of the hosts is. */
async function openProvider(): Promise<AsyncDisposable> {
  const apiKey = process.env.DAYTONA_API_KEY;
  if (apiKey !== undefined && apiKey !== "") return { async [Symbol.asyncDispose]() {} };
  const { emulator, workDir } = await startEmulator(folder, say);
  Object.assign(process.env, emulator.environment);
  if (workDir !== undefined) process.env.EXAMPLE_WORK_DIR = workDir;
  return { [Symbol.asyncDispose]: () => emulator.close() };
}

/** Runs a host app to its end: its exit code, or the signal that ended it. */
async function runHost(program: string, args: readonly string[]): Promise<number | string> {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const tsx = import.meta.resolve("tsx");
  const child = spawn(process.execPath, ["--import", tsx, path, ...args], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const [exitCode, signal] = (await once(child, "close")) as [number | null, string | null];
  return exitCode ?? signal ?? "nothing";
}
