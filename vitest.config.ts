import { defineConfig } from "vitest/config";
import { filesOfLongRun, isLongRun } from "./test/helpers/long-run.ts";
import { LongestFirst } from "./test/helpers/longest-first.ts";

/** Watching every asynchronous resource makes the tests three times slower, so it has a run of its own: `npm run test:leaks`. */
const watchesResources = process.env.SANDBOX_BACKEND_LEAKS === "1";

/** Many of them run real shells, on machines that may be busy; in the long run some have hundreds of rounds. */
const timeoutMs = isLongRun ? 600_000 : 60_000;

export default defineConfig({
  test: {
    // Most tests wait for processes and answers, so one worker for each core would leave the cores idle.
    maxWorkers: 5,
    globalSetup: "test/helpers/temporary-root.ts",
    sequence: { sequencer: LongestFirst },
    expect: { requireAssertions: true },
    exclude: ["**/node_modules/**", ...(isLongRun ? [] : filesOfLongRun)],
    detectAsyncLeaks: watchesResources,
    reporters: [
      "default",
      "./test/helpers/fail-on-leaks.ts",
      "./test/helpers/print-conformance.ts",
    ],
    restoreMocks: true,
    unstubEnvs: true,
    coverage: { provider: "v8", include: ["src/**/*.ts"] },
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          // As below: each file would load the library anew.
          isolate: false,
          include: ["test/unit/**/*.test.ts"],
          testTimeout: timeoutMs,
          hookTimeout: timeoutMs,
        },
      },
      {
        extends: true,
        test: {
          name: "integration",
          // Each file would load the SDK anew, which takes longer than most of its tests.
          isolate: false,
          include: ["test/{backends,engine,emulator,conformance,faults,live}/**/*.test.ts"],
          testTimeout: timeoutMs,
          hookTimeout: timeoutMs,
        },
      },
      {
        extends: true,
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          testTimeout: timeoutMs,
          hookTimeout: timeoutMs,
        },
      },
    ],
  },
});
