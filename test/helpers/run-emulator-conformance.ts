import { afterAll } from "vitest";
import type { BackendConfig } from "../../src/contract/config.ts";
import { createBackend, createProvider } from "../../src/create-backend.ts";
import { type ServerProfileName, startDaytonaEmulator } from "../../src/emulator/index.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { gitFixture } from "./git-fixture.ts";
import { startGitServer } from "./git-http-server.ts";
import { type ConformancePart, inShort, runConformance } from "./run-conformance.ts";

/** The older server differs in what these use; the rest is the same code on the same routes. */
export const ofOlderServer = inShort(["exec", "pty-attach", "preview", "leaks"]);

const commands = /^(exec|spawn|pty|abort|errors)/;
/** Two files with about half of the suite each, which run side by side. */
export const ofCommands: ConformancePart = {
  has: (area) => commands.test(area) || area === "leaks",
  others: "in the file beside it",
};
export const ofEverythingElse: ConformancePart = {
  has: (area) => !commands.test(area),
  others: "in the file beside it",
};

/**
 * The conformance suite on `DaytonaBackend` over the real SDK, against an emulator of that server, with the best isolation
 * that this machine has.
 */
export async function runEmulatorConformance(
  profile: ServerProfileName,
  part: ConformancePart,
): Promise<void> {
  const probe = await LocalEngine.probe();
  // Cases are registered while the test file loads, and they need the servers' addresses.
  const gitServer = await startGitServer();
  afterAll(() => gitServer.close());
  const emulator = await startDaytonaEmulator({
    profile,
    isolation: probe.available ? "namespaces" : "none",
  });
  afterAll(() => emulator.close());
  // Without namespaces an absolute path would be one of this machine's.
  const ownConfig = probe.available ? {} : { workDir: "~/workspace" };

  const access = { apiKey: emulator.apiKey, apiUrl: emulator.url };
  const provider = createProvider("daytona", access);
  afterAll(() => provider[Symbol.asyncDispose]());

  const options = {
    name: `daytona (emulator, ${profile}${probe.available ? "" : ", without isolation"})`,
    createBackend: (config: BackendConfig) =>
      createBackend("daytona", {
        ...ownConfig,
        ...config,
        ...access,
      }),
    listSandboxIds: async () => emulator.sandboxes().map(({ id }) => id),
    countRequests: () => emulator.requests.count(),
    secrets: [emulator.apiKey],
    notIsolated: probe.available ? undefined : probe.reason,
    git: gitFixture(gitServer),
    snapshots: {
      createBackend: (config: BackendConfig, snapshot: string) =>
        createBackend("daytona", { ...ownConfig, ...config, ...access, snapshot }),
      service: provider.snapshots,
    },
  } satisfies Parameters<typeof runConformance>[0];
  runConformance(options, part);
}
