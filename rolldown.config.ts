import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { defineConfig, type OutputOptions, type Plugin, type RolldownOptions } from "rolldown";

const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as {
  readonly dependencies: Readonly<Record<string, string>>;
};

/** What the main entry loads at the first call, and not before. Loaded together: each further file costs more than it saves. */
const loadedParts = [
  "src/backends/daytona/loaded-daytona-backend.ts",
  "src/backends/daytona/loaded-daytona-provider.ts",
  "src/backends/local/loaded-local-backend.ts",
  "src/backends/local/loaded-local-provider.ts",
];

const shared = {
  platform: "node",
  transform: { target: "node20" },
  external: Object.keys(dependencies).map((name) => new RegExp(`^${name}(?:/|$)`)),
  checks: { pluginTimings: false },
} satisfies RolldownOptions;

const output = {
  dir: "dist",
  sourcemap: true,
  entryFileNames: "[name].js",
  chunkFileNames: "[name].js",
  // Classes and functions keep their names, so that errors and stacks are readable.
  keepNames: true,
  // Less text to read and compile at import.
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
} satisfies OutputOptions;

/** Makes one file of the parts, whichever of them is imported. */
const partsInOneFile: Plugin = {
  name: "parts-in-one-file",
  resolveId(specifier, importer, { kind }) {
    if (kind !== "dynamic-import" || importer === undefined) return null;
    const path = resolve(importer, "..", specifier);
    return loadedParts.some((part) => resolve(part) === path) ? "\0loaded" : null;
  },
  load(id) {
    if (id !== "\0loaded") return null;
    return loadedParts.map((part) => `export * from ${JSON.stringify(resolve(part))};`).join("\n");
  },
};

/** Without it the main entry would hold the whole engine, or a copy for each format. */
const engineBesideMainEntry: Plugin = {
  name: "engine-beside-main-entry",
  resolveId(specifier, importer, { kind }) {
    if (!/\/engine\/index\.ts$/.test(specifier)) return null;
    if (kind !== "dynamic-import") throw new Error(`${importer} loads the engine`);
    return { id: "./engine.js", external: true };
  },
};

const main: RolldownOptions = {
  ...shared,
  input: { index: "src/index.ts" },
  plugins: [partsInOneFile, engineBesideMainEntry],
  // Nothing of what its own files need of each other is exported to those who import the package.
  preserveEntrySignatures: "strict",
};

/**
 * The main entry is three files in each format: its names, what an import loads, and what the first call loads. The declarations
 * are made by tsup.
 */
export default defineConfig([
  { ...main, output: { ...output, format: "esm", chunkFileNames: nameOfPart("js") } },
  {
    ...main,
    output: {
      ...output,
      format: "cjs",
      exports: "named",
      entryFileNames: "[name].cjs",
      chunkFileNames: nameOfPart("cjs"),
    },
  },
  {
    ...shared,
    plugins: [partsInOneFile],
    input: {
      testing: "src/testing/index.ts",
      emulator: "src/emulator/index.ts",
      cli: "src/cli/main.ts",
      // Not exported: loaded by the main entry at the first use of the local backend, in whichever format.
      engine: "src/engine/index.ts",
    },
    output: { ...output, format: "esm", chunkFileNames: "[name]-[hash].js" },
  },
]);

function nameOfPart(extension: string): NonNullable<OutputOptions["chunkFileNames"]> {
  return ({ name, isDynamicEntry }) => {
    // Asked for too, and then part of another file.
    if (name === "rolldown-runtime") return `${name}.${extension}`;
    return `${isDynamicEntry ? "loaded" : "main"}.${extension}`;
  };
}
