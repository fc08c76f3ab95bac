import { defineConfig, type Options } from "tsup";

const shared: Options = {
  target: "node20",
  platform: "node",
  sourcemap: true,
  // tsup 8 turns "node:fs" into "fs" unless told otherwise.
  removeNodeProtocol: false,
  // Half the text to read and compile at import. Names stay, so that stacks and error classes are readable.
  esbuildOptions: (options) => {
    options.minifyWhitespace = true;
    options.minifySyntax = true;
  },
};

// tsup 8 sets `baseUrl` for its own declaration build, which TypeScript 6 rejects.
const compilerOptions = { ignoreDeprecations: "6.0" };
const mainEntry = { index: "src/index.ts" };
/** Loaded by the main entry at the first use of the local backend, and not exported: a file beside it, in one format. */
const engineEntry = { engine: "src/engine/index.ts" };
const otherEntries = {
  testing: "src/testing/index.ts",
  emulator: "src/emulator/index.ts",
  cli: "src/cli/main.ts",
};

/** Without it the main entry would hold the whole engine, to be read and compiled by everybody who imports it. */
const engineBesideMainEntry: NonNullable<Options["esbuildPlugins"]>[number] = {
  name: "engine-beside-main-entry",
  setup: (build) => {
    build.onResolve({ filter: /\/engine\/index\.ts$/ }, ({ kind, importer }) => {
      if (kind !== "dynamic-import") return { errors: [{ text: `${importer} loads the engine` }] };
      return { path: "./engine.js", external: true };
    });
  },
};
const main: Options = { ...shared, entry: mainEntry, esbuildPlugins: [engineBesideMainEntry] };

export default defineConfig([
  // The main entry is one file in each format: every further one makes its import more than a millisecond slower. Never
  // `splitting: true` for CommonJS: it renames the classes.
  { ...main, format: "esm", splitting: false },
  { ...main, format: "cjs", dts: { compilerOptions } },
  // The declarations of all ES modules are made together, so that each class is declared once.
  {
    ...shared,
    format: "esm",
    entry: { ...otherEntries, ...engineEntry },
    dts: { entry: { ...mainEntry, ...otherEntries }, compilerOptions },
  },
]);
