import { defineConfig } from "vitest/config";

/** Watching every asynchronous resource makes the tests three times slower, so only the long run does it. */
const isLongRun = process.env.SANDBOX_BACKEND_STRESS === "1";

export default defineConfig({
  test: {
    expect: { requireAssertions: true },
    detectAsyncLeaks: isLongRun,
    reporters: ["default", "./test/helpers/fail-on-leaks.ts"],
    restoreMocks: true,
    unstubEnvs: true,
    coverage: { provider: "v8", include: ["src/**/*.ts"] },
    projects: [
      { extends: true, test: { name: "unit", include: ["test/unit/**/*.test.ts"] } },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["test/{engine,emulator,conformance,faults,live}/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: "types",
          include: [],
          typecheck: { enabled: true, include: ["test/types/**/*.test-d.ts"] },
        },
      },
    ],
  },
});
