import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, vi } from "vitest";
import type { BackendConfig } from "../../src/contract/config.ts";
import { createBackend, createProvider } from "../../src/create-backend.ts";
import type { Isolation } from "../../src/engine/engine-types.ts";
import { mountsNaming, processesNaming } from "../engine/host-leftovers.ts";
import { gitFixture } from "./git-fixture.ts";
import { startGitServer } from "./git-http-server.ts";
import { inShort, runConformance } from "./run-conformance.ts";

/** What the local transport does itself; the rest is the same code that the suite tries whole on Daytona's. */
const areasOfTransport = [
  "capabilities",
  "exec",
  "files",
  "preview",
  "lifecycle",
  "snapshots",
  "secrets",
  "volumes",
  "leaks",
];

/**
 * The conformance suite on `LocalBackend`, in a folder of its own. What is left is counted without the library: by the folders
 * on disk, the machine's processes and its mounts.
 */
export async function runLocalConformance(isolation: Isolation): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), `local-conformance-${isolation}-`));
  // Registered first, so that it runs last.
  afterAll(async () => {
    try {
      await vi.waitFor(() => expectNothingLeft(directory, isolation), {
        timeout: 10_000,
        interval: 50,
      });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
  // Cases are registered while the test file loads, and they need the server's address.
  const gitServer = await startGitServer();
  afterAll(() => gitServer.close());

  const provider = createProvider("local", { directory, isolation });
  afterAll(() => provider[Symbol.asyncDispose]());

  const options = {
    name: `local (${isolation})`,
    createBackend: (config: BackendConfig) =>
      createBackend("local", { directory, isolation, ...config }),
    listSandboxIds: () => foldersIn(directory, isolation, "engine/sandboxes"),
    git: gitFixture(gitServer),
    snapshots: {
      createBackend: (config: BackendConfig, snapshot: string) =>
        createBackend("local", { directory, isolation, snapshot, ...config }),
      service: provider.snapshots,
    },
  } satisfies Parameters<typeof runConformance>[0];
  runConformance(options, inShort(areasOfTransport));
}

async function expectNothingLeft(directory: string, isolation: Isolation): Promise<void> {
  for (const kind of ["sandboxes", "snapshots", "layers", "trash", "staging", "locks", "pipes"]) {
    expect(await foldersIn(directory, isolation, `engine/${kind}`), kind).toEqual([]);
  }
  expect(await foldersIn(directory, isolation, "names"), "names").toEqual([]);
  expect(processesNaming(directory)).toEqual([]);
  expect(mountsNaming(directory)).toEqual([]);
}

async function foldersIn(directory: string, isolation: Isolation, path: string): Promise<string[]> {
  return readdir(join(directory, isolation, path)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return [];
  });
}
