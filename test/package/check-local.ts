import { mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { build, type Format } from "esbuild";
import { writeProjectFiles } from "./consumer-project.ts";
import { outputOf } from "./run-program.ts";

const timeoutMs = 60_000;

const loadedByName = [
  ["local.mjs", 'import { createBackend, CommandFailedError } from "sandbox-backend";'],
  ["local.cjs", 'const { createBackend, CommandFailedError } = require("sandbox-backend");'],
] as const;

/** The working part and the engine are files of their own in the build, which both formats of the main entry load when they need them. */
export async function checkLocalBackend(project: string): Promise<void> {
  for (const [name, load] of loadedByName) {
    await withDirectory(project, async (directory) => {
      await writeProjectFiles(project, { [name]: program(load, directory) });
      await checkProgram(project, name, directory);
    });
  }
}

/** The same in host apps that are one file, as a bundler makes them: with what is loaded later in it, and without any package beside it. */
export async function checkBundledHost(project: string): Promise<void> {
  for (const [format, extension] of [
    ["esm", "mjs"],
    ["cjs", "cjs"],
  ] as const satisfies readonly (readonly [Format, string])[]) {
    await withDirectory(project, async (directory) => {
      await writeProjectFiles(project, { "host.mjs": program(loadedByName[0][1], directory) });
      const name = `bundled.${extension}`;
      await build({
        absWorkingDir: project,
        entryPoints: ["host.mjs"],
        outfile: join(directory, name),
        bundle: true,
        platform: "node",
        format,
        external: ["@daytonaio/sdk"],
        logLevel: "silent",
      });
      await checkProgram(directory, name, directory);
    });
  }
}

async function checkProgram(folder: string, name: string, directory: string): Promise<void> {
  const printed = await outputOf(process.execPath, [name], { cwd: folder, timeoutMs });
  if (printed !== "from a sandbox\nCommandFailedError true 3\n") {
    throw new Error(`${name} printed ${printed}`);
  }
  const left = await readdir(join(directory, "none/engine/sandboxes"));
  if (left.length > 0) throw new Error(`${name} left sandboxes: ${left.join(", ")}`);
}

async function withDirectory(
  project: string,
  run: (directory: string) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(project, "sandboxes-"));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The error comes from a file that is loaded later, and its class from the main entry. */
function program(load: string, directory: string): string {
  return `${load}
async function main() {
  const backend = createBackend("local", { directory: ${JSON.stringify(directory)}, isolation: "none" });
  await backend.setup();
  process.stdout.write((await backend.exec("echo from a sandbox")).stdout);
  try {
    await backend.exec("exit 3");
  } catch (error) {
    console.log(error.constructor.name, error instanceof CommandFailedError, error.exitCode);
  }
  await backend.teardown();
  await backend[Symbol.asyncDispose]();
}
main();
`;
}
