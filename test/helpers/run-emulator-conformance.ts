import { afterAll } from "vitest";
import type { BackendConfig } from "../../src/contract/config.ts";
import { createBackend, createProvider } from "../../src/create-backend.ts";
import { type ServerProfileName, startDaytonaEmulator } from "../../src/emulator/index.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { gitFixture } from "./git-fixture.ts";
import { startGitServer } from "./git-http-server.ts";
import { isLongRun } from "./long-run.ts";
import { runConformance } from "./run-conformance.ts";

const areasOfOlderServer = ["exec", "pty", "files", "preview", "leaks"];

/**
 * The conformance suite on `DaytonaBackend` over the real SDK, against an emulator of that server, with the best isolation
 * that this machine has.
 */
export async function runEmulatorConformance(profile: ServerProfileName): Promise<void> {
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
  // The older server differs in what these areas use; the rest is the same code on the same routes.
  runConformance(options, profile === "cloud" || isLongRun ? undefined : areasOfOlderServer);
}
