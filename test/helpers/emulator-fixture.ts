import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, type ExpectStatic, vi } from "vitest";
import type { DaytonaBackend } from "../../src/backends/daytona/daytona-backend.ts";
import { sandboxName } from "../../src/core/sandbox-identity.ts";
import { createBackend } from "../../src/create-backend.ts";
import {
  type DaytonaEmulator,
  type DaytonaEmulatorOptions,
  type EmulatedSandbox,
  type FaultEffect,
  type FaultHandle,
  type FaultMatch,
  type FaultRule,
  type ServerProfileName,
  startDaytonaEmulator,
} from "../../src/emulator/index.ts";
import type { DaytonaConfig } from "../../src/index.ts";
import { mountsNaming, processesNaming } from "../engine/host-leftovers.ts";
import { isLongRun } from "./long-run.ts";

type EmulatorOptions = Omit<DaytonaEmulatorOptions, "directory" | "isolation">;

/** The older server is for the long run; the short one has it in the conformance suite and in the emulator's own tests. */
export const serverProfiles: readonly ServerProfileName[] = isLongRun
  ? ["cloud", "v0.190"]
  : ["cloud"];

/** Whether every fault is tried on this profile: on both in the long run, else the main ones alone on the older one. */
export function coversEverything(profile: ServerProfileName): boolean {
  return profile === "cloud" || isLongRun;
}

/** What one test needs: a corner of an emulator in which all sandboxes are its own. */
interface EmulatorFixture {
  readonly emulator: DaytonaEmulator;
  /** Where the emulator keeps its sandboxes: every file of them is below it. */
  readonly directory: string;
  /** Whether a sandbox has anything of its own but its folder. */
  readonly hasNamespaces: boolean;
  /** What every backend of this test has in common; another process that is given it acts as another host of the same owner. */
  readonly config: DaytonaConfig & { readonly owner: string; readonly name: string };
  /** The name that a sandbox of `config` gets at the provider. */
  readonly sandboxName: string;
  /** A backend that the fixture disposes of. */
  backend(config?: DaytonaConfig): DaytonaBackend;
  /** A backend whose setup has succeeded. */
  ready(config?: DaytonaConfig): Promise<DaytonaBackend & { readonly sandboxId: string }>;
  /** Adds a fault that strikes only this test's sandbox. */
  fault(
    match: FaultMatch,
    effect: FaultEffect,
    limits?: Pick<FaultRule, "times" | "skip">,
  ): FaultHandle;
  /** The JSON answer to a request of a client that knows nothing of this library; `path` begins after `/api`. */
  request(method: string, path: string): Promise<Record<string, unknown>>;
  /** The sandbox as the API describes it, with its intervals. */
  describe(sandboxId: string): Promise<Record<string, unknown>>;
  /** This test's sandboxes, from the emulator's store. */
  sandboxes(): EmulatedSandbox[];
  /** How many requests to create this test's sandbox were seen. */
  creations(): number;
  /** Sandboxes that this test leaves behind on purpose. */
  leaves(...sandboxIds: (string | undefined)[]): void;
}

type Body = (fixture: EmulatorFixture) => Promise<void>;

/** Runs a test's body. `options` other than a profile give the test an emulator of its own. */
type WithEmulator = (expect: ExpectStatic, options: EmulatorOptions, body: Body) => Promise<void>;

interface RunningEmulator {
  readonly emulator: DaytonaEmulator;
  readonly directory: string;
  readonly hasNamespaces: boolean;
  /** Closes it and proves that no process, mount or folder of it is left on the machine. */
  close(): Promise<void>;
}

/**
 * Emulators for the tests of one file, with the best isolation that this machine has: one for each profile, shared by tests
 * that run at once. After each test its sandboxes and their processes must be gone; in the end, everything.
 */
export function emulatorsOfFile(): WithEmulator {
  const shared = new Map<string, Promise<RunningEmulator>>();
  beforeAll(async () => {
    // The first request of a process loads the SDK, which would count in the first test's time.
    await import("@daytonaio/sdk");
  });
  afterAll(async () => {
    for (const running of shared.values()) await (await running).close();
  });
  return async (expect, options, body) => {
    const { profile = "cloud", ...others } = options;
    if (Object.keys(others).length > 0) {
      const own = await startEmulator(options);
      try {
        await runBody(expect, own, body);
      } finally {
        await own.close();
      }
      return;
    }
    const running = shared.get(profile) ?? startEmulator({ profile });
    shared.set(profile, running);
    await runBody(expect, await running, body);
  };
}

async function startEmulator(options: EmulatorOptions): Promise<RunningEmulator> {
  const directory = await mkdtemp(join(tmpdir(), "fault-test-"));
  // The sandbox's user may be another one.
  await chmod(directory, 0o755);
  const start = (isolation: "namespaces" | "none"): Promise<DaytonaEmulator> =>
    startDaytonaEmulator({ ...options, directory, isolation });
  let hasNamespaces = true;
  const emulator = await start("namespaces").catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== "ISOLATION_UNAVAILABLE") throw error;
    hasNamespaces = false;
    return start("none");
  });
  return {
    emulator,
    directory,
    hasNamespaces,
    async close() {
      await emulator.close();
      await rm(directory, { recursive: true, force: true });
      await expectNothingRuns([directory]);
      const mounts = mountsNaming(directory);
      if (mounts.length > 0) throw new Error(`Mounts are left: ${mounts.join("; ")}`);
    },
  };
}

async function expectNothingRuns(texts: readonly string[]): Promise<void> {
  await vi.waitFor(
    () => {
      const left = processesNaming(...texts);
      if (left.length > 0) throw new Error(`Processes are left: ${left.join(", ")}`);
    },
    { timeout: 10_000, interval: 50 },
  );
}

async function runBody(expect: ExpectStatic, running: RunningEmulator, body: Body): Promise<void> {
  const backends: DaytonaBackend[] = [];
  const left: (string | undefined)[] = [];
  const fixture = makeFixture(running, backends, left);
  const dispose = () => Promise.all(backends.map((backend) => backend[Symbol.asyncDispose]()));
  try {
    await body(fixture);
    await dispose();
    // A broken sandbox is gone for clients as soon as its deletion is accepted, and leaves the store a little later.
    await vi.waitFor(() => expect(fixture.sandboxes().map(({ id }) => id)).toEqual(left), {
      timeout: 5_000,
      interval: 20,
    });
  } finally {
    await dispose();
  }
  const { requests } = running.emulator;
  const isOfThisTest = (body: unknown): boolean =>
    JSON.stringify(body ?? null).includes(fixture.config.owner);
  const created = requests.list({ method: "POST", path: "/sandbox" });
  const ids = created.flatMap(({ body, sandboxId }) =>
    isOfThisTest(body) && sandboxId !== undefined && !left.includes(sandboxId) ? [sandboxId] : [],
  );
  // Every process of a sandbox has its ID in the environment.
  await expectNothingRuns(ids);
}

function makeFixture(
  { emulator, directory, hasNamespaces }: RunningEmulator,
  backends: DaytonaBackend[],
  left: (string | undefined)[],
): EmulatorFixture {
  const owner = `fault-test-${randomBytes(6).toString("hex")}`;
  const config = {
    apiKey: emulator.apiKey,
    apiUrl: emulator.url,
    owner,
    name: "fault",
    cleanupTimeoutMs: 30_000,
    // Without namespaces an absolute path would be one of this machine's.
    ...(hasNamespaces ? {} : { workDir: "~/workspace" }),
  };
  const name = sandboxName(owner, config.name);
  const backend = (own: DaytonaConfig = {}): DaytonaBackend => {
    const made = createBackend("daytona", { ...config, ...own });
    backends.push(made);
    return made;
  };
  const request = async (method: string, path: string): Promise<Record<string, unknown>> => {
    const response = await fetch(`${emulator.url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${emulator.apiKey}` },
    });
    return (await response.json()) as Record<string, unknown>;
  };
  return {
    emulator,
    directory,
    hasNamespaces,
    config,
    sandboxName: name,
    backend,
    request,
    async ready(own) {
      const made = backend(own);
      await made.setup();
      return made as DaytonaBackend & { readonly sandboxId: string };
    },
    fault(match, effect, limits) {
      return emulator.faults.add({ match: { name, ...match }, effect, ...limits });
    },
    describe: (sandboxId) => request("GET", `/sandbox/${sandboxId}`),
    sandboxes() {
      return emulator
        .sandboxes()
        .filter((sandbox) => Object.values(sandbox.labels).includes(owner));
    },
    creations() {
      return emulator.requests
        .list({ method: "POST", path: "/sandbox" })
        .filter(({ body }) => (body as { name?: unknown } | undefined)?.name === name).length;
    },
    leaves(...sandboxIds) {
      left.push(...sandboxIds);
    },
  };
}
