/** The second host: knows only what the first one wrote down. */
import { appendFile, readFile } from "node:fs/promises";
import { reconnectBackend } from "sandbox-backend";
import type { Notes } from "./build.ts";

const [notesPath = "", outputPath = ""] = process.argv.slice(2);
const notes = JSON.parse(await readFile(notesPath, "utf8")) as Notes;

await using backend = await reconnectBackend(notes.ref);
const build = await backend.attachProcess(notes.processId, { stdoutOffset: notes.stdoutOffset });
for await (const chunk of build.stdout) {
  process.stdout.write(chunk);
  await appendFile(outputPath, chunk);
}
const { exitCode } = await build.wait();
process.exitCode = exitCode;
