import { afterAll, describe } from "vitest";
import { createBackend } from "../../src/create-backend.ts";
import { startDaytonaEmulator } from "../../src/emulator/index.ts";
import { startGitServer } from "../helpers/git-http-server.ts";
import { runConformance } from "../helpers/run-conformance.ts";

// Cases are registered while this file loads, and they need the servers' addresses.
const gitServer = await startGitServer();
afterAll(() => gitServer.close());

for (const profile of ["cloud", "v0.190"] as const) {
  const emulator = await startDaytonaEmulator({ profile });
  afterAll(() => emulator.close());

  describe(`server profile ${profile}`, () => {
    runConformance({
      name: `daytona (emulator, ${profile})`,
      createBackend: (config) =>
        createBackend("daytona", { ...config, apiKey: emulator.apiKey, apiUrl: emulator.url }),
      listSandboxIds: async () => emulator.sandboxes().map(({ id }) => id),
      countRequests: () => emulator.requests.count(),
      secrets: [emulator.apiKey],
      git: {
        public: {
          url: gitServer.repositories.public,
          defaultBranch: gitServer.branches.default,
          otherBranch: gitServer.branches.other,
          olderCommit: gitServer.commits.at(-1) ?? "",
        },
        private: { url: gitServer.repositories.private, credentials: gitServer.credentials },
        missing: { url: gitServer.repositories.missing, kind: "repository-not-found" },
      },
    });
  });
}
