import { readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { measureImportMs } from "../../bench/measure-import.ts";
import { median } from "../../bench/statistics.ts";
import { writeProjectFiles } from "./consumer-project.ts";
import { outputOf } from "./run-program.ts";

const loadTimeoutMs = 60_000;
const rounds = 10;
/** Far above what it takes, since machines are busy; the SDK alone takes several times as long. */
const slowestImportMs = 200;

/** What an import loads of our own: its time grows with both. */
const mostFiles = 2;
const mostBytes = 100_000;

const recordHook = join(import.meta.dirname, "record-resolved.mjs");

/** Every module that a program loads, as an ES module or by `require`. */
async function modulesLoadedBy(project: string, line: string): Promise<string[]> {
  const resolvedFile = join(project, "resolved.txt");
  await writeProjectFiles(project, {
    "resolved.txt": "",
    "load.mjs": `import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
${line}
process.stdout.write(JSON.stringify(Object.keys(require.cache)));
`,
  });
  const required = await outputOf(
    process.execPath,
    ["--import", pathToFileURL(recordHook).href, join(project, "load.mjs")],
    {
      cwd: project,
      env: { ...process.env, RESOLVED_MODULES_FILE: resolvedFile },
      timeoutMs: loadTimeoutMs,
    },
  );
  const imported = (await readFile(resolvedFile, "utf8"))
    .split("\n")
    .filter((url) => url !== "" && url !== pathToFileURL(recordHook).href)
    .filter((url) => url !== pathToFileURL(join(project, "load.mjs")).href);
  const urls = [
    ...imported,
    ...(JSON.parse(required) as string[]).map((path) => pathToFileURL(path).href),
  ];
  // Built-in modules cost nothing that is ours.
  return urls.filter((url) => !url.startsWith("node:"));
}

/** A file of ours that is loaded, and its size in bytes. */
export interface LoadedFile {
  readonly name: string;
  readonly bytes: number;
}

/**
 * Loading the main entry, and making a backend, loads no other package, in either format, and little of our own. Gives what of our
 * own it does load.
 */
export async function checkMainEntry(
  project: string,
): Promise<{ readonly esm: readonly LoadedFile[]; readonly cjs: readonly LoadedFile[] }> {
  const ownFolder = join(project, "node_modules/sandbox-backend/");
  const loaded = async (line: string, mainFile: string): Promise<LoadedFile[]> => {
    const urls = await modulesLoadedBy(project, line);
    const paths = [...new Set(urls.map((url) => fileURLToPath(url)))];
    const foreign = paths.filter((path) => !path.startsWith(ownFolder));
    if (foreign.length > 0) throw new Error(`${line} also loads ${foreign.join(", ")}`);
    if (!paths.includes(join(ownFolder, mainFile))) {
      throw new Error(`${line} was not seen to load ${mainFile}, but ${paths.join(", ")}`);
    }
    const files = await Promise.all(
      paths.map(async (path) => ({
        name: relative(ownFolder, path),
        bytes: (await stat(path)).size,
      })),
    );
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    if (files.length > mostFiles || bytes > mostBytes) {
      throw new Error(
        `${line} loads ${describeFiles(files)}: more than ${mostFiles} files or ${mostBytes} bytes. What an import does not need belongs behind a dynamic import, see docs/decisions.md.`,
      );
    }
    return files;
  };
  return {
    esm: await loaded('(await import("sandbox-backend")).createBackend("local");', "dist/index.js"),
    cjs: await loaded('require("sandbox-backend").createBackend("local");', "dist/index.cjs"),
  };
}

export function describeFiles(files: readonly LoadedFile[]): string {
  return files.map(({ name, bytes }) => `${name} (${bytes} bytes)`).join(", ");
}

/** The other entries load, by `import` and by `require`, without an SDK. */
export async function checkOtherEntries(project: string): Promise<void> {
  for (const [entry, name] of [
    ["sandbox-backend/emulator", "startDaytonaEmulator"],
    ["sandbox-backend/testing", "testBackendConformance"],
  ] as const) {
    for (const load of [`(await import("${entry}"))`, `require("${entry}")`]) {
      const line = `if (typeof ${load}.${name} !== "function") throw new Error("no ${name}");`;
      const urls = await modulesLoadedBy(project, line);
      const sdk = urls.filter((url) => /\/node_modules\/@daytona(io)?\//.test(url));
      if (sdk.length > 0) throw new Error(`${entry} loads ${sdk.join(", ")}`);
    }
  }
}

/** Times of `import("sandbox-backend")` in fresh processes; rejects when even the fastest is slow. */
export async function measureMainEntry(
  project: string,
): Promise<{ readonly medianMs: number; readonly fastestMs: number }> {
  const timesMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    timesMs.push(await measureImportMs("sandbox-backend", "esm", project));
  }
  const fastestMs = Math.min(...timesMs);
  if (fastestMs > slowestImportMs) {
    throw new Error(`Importing takes ${fastestMs} ms at the least, more than ${slowestImportMs}.`);
  }
  return { medianMs: median(timesMs), fastestMs };
}
