import { execFile } from "node:child_process";
import { promisify } from "node:util";

export type ModuleFormat = "esm" | "cjs";

const slowestImportMs = 60_000;

/**
 * Milliseconds that loading a module takes in a fresh process, measured inside that process, so without the start of Node.
 *
 * @param folder The module is resolved from here.
 */
export async function measureImportMs(
  specifier: string,
  format: ModuleFormat,
  folder: string,
): Promise<number> {
  const load = format === "esm" ? "await import" : "require";
  const program = `const startMs = performance.now();
${load}(${JSON.stringify(specifier)});
process.stdout.write(String(performance.now() - startMs));`;
  const type = format === "esm" ? "module" : "commonjs";
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [`--input-type=${type}`, "--eval", program],
    { cwd: folder, timeout: slowestImportMs },
  );
  const durationMs = Number(stdout);
  if (stdout === "" || !Number.isFinite(durationMs)) {
    throw new Error(`Importing ${specifier} printed ${JSON.stringify(stdout)} in place of a time.`);
  }
  return durationMs;
}
