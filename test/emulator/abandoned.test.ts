import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test, vi } from "vitest";
import { startDaytonaEmulator } from "../../src/emulator/index.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { processesNaming } from "../engine/host-leftovers.ts";
import { builtProgram } from "../helpers/built-program.ts";

const program = await builtProgram(
  new URL("../fixtures/host/abandon-emulator.ts", import.meta.url),
);
const isolation = (await LocalEngine.probe()).available ? "namespaces" : "none";

/** Others in the temporary folder are those of the tools that started the other process. */
async function emulatorFolders(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.startsWith("sandbox-backend-emulator-"));
}

test(`what the emulator of a killed process left is removed by the next one (${isolation})`, async () => {
  const folder = await mkdtemp(join(tmpdir(), "abandoned-"));
  vi.stubEnv("TMPDIR", folder);
  try {
    const child = spawn(process.execPath, [program, isolation], {
      env: { ...process.env, TMPDIR: folder },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [sandboxId] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    child.kill("SIGKILL");
    await once(child, "close");
    // Without namespaces an idle sandbox has no process.
    if (isolation === "namespaces") expect(processesNaming(sandboxId)).not.toEqual([]);

    const emulator = await startDaytonaEmulator({ isolation });
    expect(processesNaming(sandboxId)).toEqual([]);
    const own = new RegExp(`^sandbox-backend-emulator-${process.pid}-`);
    expect(await emulatorFolders(folder)).toEqual([expect.stringMatching(own)]);
    await emulator.close();
    expect(await emulatorFolders(folder)).toEqual([]);
  } finally {
    // At once: the next file of this worker may ask for the temporary folder before its first test.
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true, force: true });
  }
});
