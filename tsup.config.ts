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
const otherEntries = {
  testing: "src/testing/index.ts",
  emulator: "src/emulator/index.ts",
  cli: "src/cli/main.ts",
};

export default defineConfig([
  // The main entry is one file in each format: every further one makes its import more than a millisecond slower. Never
  // `splitting: true` for CommonJS: it renames the classes.
  { ...shared, format: "esm", entry: mainEntry, splitting: false },
  { ...shared, format: "cjs", entry: mainEntry, dts: { compilerOptions } },
  // The declarations of all ES modules are made together, so that each class is declared once.
  {
    ...shared,
    format: "esm",
    entry: otherEntries,
    dts: { entry: { ...mainEntry, ...otherEntries }, compilerOptions },
  },
]);
