import { mkdirSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Beside the packages, which the programs load from there. */
const directory = fileURLToPath(
  new URL("../../node_modules/.cache/test-programs/", import.meta.url),
);
const built = new Map<string, Promise<string>>();

/**
 * A TypeScript program of the tests as one file that Node runs by itself. A process of its own then starts in a tenth of the time
 * that loading each source file takes.
 */
export function builtProgram(program: URL): Promise<string> {
  const known = built.get(program.href);
  if (known !== undefined) return known;
  const building = bundle(fileURLToPath(program));
  built.set(program.href, building);
  return building;
}

async function bundle(source: string): Promise<string> {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${basename(source, ".ts")}.mjs`);
  // Other workers build the same; each gets a whole file.
  const own = `${file}.${process.pid}`;
  await build({
    entryPoints: [source],
    outfile: own,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    logLevel: "silent",
  });
  renameSync(own, file);
  return file;
}
