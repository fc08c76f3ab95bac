import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LocalEngine } from "../../../src/engine/local-engine.ts";

/** Starts a program, lets it go, and ends by having nothing more to do. Prints the PIDs of the program and of its parent. */
async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "engine-test-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  const engine = await LocalEngine.open({ directory, isolation: "none" });
  const sandbox = await engine.create({});
  const child = await sandbox.spawn(["sleep", "1000"]);
  child.unref();
  const status = readFileSync(`/proc/${child.pid}/status`, "latin1");
  process.stdout.write(`${child.pid} ${/^PPid:\s*(\d+)/m.exec(status)?.[1]}`);
}

await main();
