/** Whether everything is tried, as `npm run test:stress` asks, and not only what a change needs to know. */
export const isLongRun = process.env.SANDBOX_BACKEND_STRESS === "1";

/**
 * What only the long run has: oddities of the emulator that no backend of ours meets, and what others show in short. The short run
 * ends in four minutes on two cores.
 */
export const filesOfLongRun = [
  "test/emulator/git-failures.test.ts",
  "test/emulator/git-older-server.test.ts",
  "test/emulator/pty-faults.test.ts",
  "test/emulator/session-faults.test.ts",
  "test/emulator/session-logs.test.ts",
  "test/emulator/socket-faults.test.ts",
  "test/engine/pty-end.test.ts",
  "test/engine/snapshot-crash.test.ts",
  "test/faults/command-stress.test.ts",
  "test/faults/download-page.test.ts",
  "test/faults/snapshot-builds.test.ts",
  "test/backends/daytona/branch-sandboxes.test.ts",
  "test/unit/core/commands/abort-everywhere.test.ts",
  "test/unit/core/commands/reused-numbers.test.ts",
  "test/unit/core/pty/input-order.test.ts",
  "test/unit/core/pty/without-connection.test.ts",
];
