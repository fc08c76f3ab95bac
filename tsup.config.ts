import { defineConfig } from "tsup";

// tsup 8 sets `baseUrl` for its own declaration build, which TypeScript 6 rejects.
const compilerOptions = { ignoreDeprecations: "6.0" };
const mainEntry = { index: "src/index.ts" };

/** The declarations. What runs is built by rolldown. */
export default defineConfig([
  { entry: mainEntry, format: "cjs", dts: { only: true, compilerOptions } },
  // Those of all ES modules are made together, so that each class is declared once.
  {
    entry: { ...mainEntry, testing: "src/testing/index.ts", emulator: "src/emulator/index.ts" },
    format: "esm",
    dts: { only: true, compilerOptions },
  },
]);
