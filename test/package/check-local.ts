import { mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeProjectFiles } from "./consumer-project.ts";
import { outputOf } from "./run-program.ts";

const timeoutMs = 60_000;

/** The engine is a file of its own in the build, which both formats of the main entry load when they need it. */
export async function checkLocalBackend(project: string): Promise<void> {
  for (const [name, load] of [
    ["local.mjs", 'import { createBackend } from "sandbox-backend";'],
    ["local.cjs", 'const { createBackend } = require("sandbox-backend");'],
  ] as const) {
    const directory = await mkdtemp(join(project, "sandboxes-"));
    try {
      await writeProjectFiles(project, { [name]: program(load, directory) });
      const printed = await outputOf(process.execPath, [name], { cwd: project, timeoutMs });
      if (printed !== "from a sandbox\n") throw new Error(`${name} printed ${printed}`);
      const left = await readdir(join(directory, "none/engine/sandboxes"));
      if (left.length > 0) throw new Error(`${name} left sandboxes: ${left.join(", ")}`);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
}

function program(load: string, directory: string): string {
  return `${load}
async function main() {
  const backend = createBackend("local", { directory: ${JSON.stringify(directory)}, isolation: "none" });
  await backend.setup();
  process.stdout.write((await backend.exec("echo from a sandbox")).stdout);
  await backend.teardown();
  await backend[Symbol.asyncDispose]();
}
main();
`;
}
