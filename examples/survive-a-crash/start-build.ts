/** The first host: starts the build, deals with its output, writes down how far it is, and dies without a word. */
import { appendFile, writeFile } from "node:fs/promises";
import { createBackend } from "sandbox-backend";
import { buildCommand, type Notes } from "./build.ts";

const [notesPath = "", outputPath = ""] = process.argv.slice(2);
const workDir = process.env.EXAMPLE_WORK_DIR;

const backend = createBackend("daytona", {
  owner: "survive-a-crash",
  name: `build-${Date.now().toString(36)}`,
  ...(workDir === undefined ? {} : { workDir }),
});
await backend.setup();
const build = await backend.spawn(buildCommand);

for await (const chunk of build.stdout) {
  process.stdout.write(chunk);
  // First the output, then the note: after a crash between the two a host would have to compare the two files.
  await appendFile(outputPath, chunk);
  const { ref } = backend;
  if (ref === undefined) throw new Error("The backend has no sandbox.");
  const notes: Notes = { ref, processId: build.id, stdoutOffset: build.stdoutOffset };
  await writeFile(notesPath, JSON.stringify(notes));
  if (build.stdoutOffset > 60) process.kill(process.pid, "SIGKILL");
}
