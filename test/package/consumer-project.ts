import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { outputOf } from "./run-program.ts";

const installTimeoutMs = 600_000;
const packTimeoutMs = 60_000;

const filesInThePackage = [
  "LICENSE",
  "README.md",
  "dist/cli.js",
  "dist/emulator.d.ts",
  "dist/emulator.js",
  "dist/engine.js",
  "dist/index.cjs",
  "dist/index.d.cts",
  "dist/index.d.ts",
  "dist/index.js",
  "dist/loaded.cjs",
  "dist/loaded.js",
  "dist/main.cjs",
  "dist/main.js",
  "dist/testing.d.ts",
  "dist/testing.js",
  "package.json",
];

/** Rejects a build that is missing or older than the sources: what is packed must be what is in the repository. */
export async function checkBuild(repository: string): Promise<void> {
  const hint = "Run: npm run build";
  const built = await Promise.all(
    filesInThePackage
      .filter((path) => path.startsWith("dist/"))
      .map((path) => changedAtMs(join(repository, path))),
  );
  if (built.includes(undefined)) throw new Error(`The build is not complete. ${hint}`);
  const sources = await readdir(join(repository, "src"), { recursive: true, withFileTypes: true });
  const changed = await Promise.all(
    sources
      .filter((entry) => entry.isFile())
      .map((entry) => changedAtMs(join(entry.parentPath, entry.name))),
  );
  const newest = Math.max(...changed.map((ms) => ms ?? 0));
  if (built.some((ms) => (ms ?? 0) < newest)) {
    throw new Error(`The build is older than the sources. ${hint}`);
  }
}

async function changedAtMs(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Packs the repository into a folder. Gives the path of the tarball. */
export async function pack(repository: string, folder: string): Promise<string> {
  const answer = await outputOf(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--pack-destination", folder],
    { cwd: repository, timeoutMs: packTimeoutMs },
  );
  const [packed] = JSON.parse(answer) as {
    filename: string;
    files: { path: string }[];
  }[];
  if (packed === undefined) throw new Error(`npm pack answered ${answer}`);
  const paths = packed.files.map(({ path }) => path);
  const missing = filesInThePackage.filter((path) => !paths.includes(path));
  const foreign = paths.filter((path) => /^(src|test|bench|examples)\//.test(path));
  if (missing.length > 0) throw new Error(`The tarball lacks ${missing.join(", ")}.`);
  if (foreign.length > 0) throw new Error(`The tarball should not have ${foreign.join(", ")}.`);
  return join(folder, packed.filename);
}

/** Installs a tarball in an empty folder as a user does, without install scripts. Gives the installed manifest. */
export async function install(
  tarball: string,
  folder: string,
): Promise<{ readonly version: string }> {
  await outputOf("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", tarball], {
    cwd: folder,
    timeoutMs: installTimeoutMs,
  });
  const manifest = await readFile(
    join(folder, "node_modules/sandbox-backend/package.json"),
    "utf8",
  );
  return JSON.parse(manifest) as { version: string };
}

/** Writes files of a consumer's project; they stay until the folder goes. */
export async function writeProjectFiles(
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await rm(join(folder, name), { force: true });
    await writeFile(join(folder, name), content);
  }
}
