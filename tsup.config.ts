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
  // tsup 8 sets `baseUrl` for its own declaration build, which TypeScript 6 rejects.
  dts: { compilerOptions: { ignoreDeprecations: "6.0" } },
};

export default defineConfig([
  // One ESM build of every entry: they share chunks, so there is one copy of each error class.
  {
    ...shared,
    format: "esm",
    entry: {
      index: "src/index.ts",
      testing: "src/testing/index.ts",
      emulator: "src/emulator/index.ts",
      cli: "src/cli/main.ts",
    },
  },
  // CommonJS for the main entry only. Never `splitting: true` here: it renames the classes.
  { ...shared, format: "cjs", entry: { index: "src/index.ts" } },
]);
