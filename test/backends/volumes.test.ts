import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BackendConfig } from "../../src/contract/config.ts";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { type Backend, createBackend } from "../../src/index.ts";
import { startEmulator } from "../emulator/start-emulator.ts";
import { isLongRun } from "../helpers/long-run.ts";

/** What the conformance suite cannot know: Daytona's states, its failures, and what no backend takes. */
const { available } = await LocalEngine.probe();

describe.skipIf(!available)("volumes", () => {
  let emulator: DaytonaEmulator;
  beforeAll(async () => {
    emulator = await startEmulator({ stateDelaysMs: { volumeCreating: 50 } });
  });
  afterAll(async () => {
    await emulator.close();
  });

  function backendOf(config: BackendConfig): Backend {
    return createBackend("daytona", { apiKey: emulator.apiKey, apiUrl: emulator.url, ...config });
  }

  async function setUp(config: BackendConfig): Promise<Backend> {
    const backend = backendOf(config);
    await backend.setup();
    return backend;
  }

  test("a broken volume is an error with its reason, and nothing is left", async () => {
    emulator.faults.add({
      match: { name: "broken" },
      effect: { type: "fail-transition", state: "pending_create", errorReason: "no bucket" },
    });
    const volumes = [{ name: "broken", mountPath: "/data" }];
    await expect(backendOf({ volumes }).setup()).rejects.toMatchObject({
      code: "VOLUME_FAILED",
      message: expect.stringContaining("no bucket"),
    });
    expect(emulator.sandboxes()).toEqual([]);
  });

  test("a volume that never is ready ends with the deadline, and nothing is left", async () => {
    const hold = emulator.faults.add({
      match: { name: "slow" },
      effect: { type: "hold-state", state: "pending_create" },
    });
    const volumes = [{ name: "slow", mountPath: "/data" }];
    const backend = backendOf({ volumes });
    await expect(backend.setup({ timeoutMs: 1_500 })).rejects.toMatchObject({ code: "TIMEOUT" });
    expect(emulator.sandboxes()).toEqual([]);
    hold.remove();
  });

  test.runIf(isLongRun)("a lost answer and a race of two hosts make one volume", async () => {
    emulator.faults.add({
      match: { method: "POST", path: "/volumes" },
      times: 1,
      effect: { type: "handle-then-reset" },
    });
    const volumes = [{ name: "raced", mountPath: "/data" }];
    const backends = await Promise.all([setUp({ volumes }), setUp({ volumes })]);
    expect(emulator.volumes().filter(({ name }) => name === "raced")).toHaveLength(1);
    await Promise.all(backends.map((backend) => backend.teardown()));
  });

  test("a server that ignores the volume is found out, and nothing is left", async () => {
    emulator.faults.add({ times: 1, effect: { type: "unmounted" } });
    const volumes = [{ name: "ignored", mountPath: "/data" }];
    await expect(backendOf({ volumes }).setup()).rejects.toMatchObject({
      code: "SETUP_FAILED",
      step: "volumes",
      cause: expect.objectContaining({ code: "VOLUME_FAILED" }),
      leaked: [],
    });
    expect(emulator.sandboxes()).toEqual([]);
  });

  test.runIf(isLongRun)("a volume is part of what a sandbox is adopted by", async () => {
    const who = { owner: "me", name: "same" };
    const first = await setUp({ ...who, volumes: [{ name: "x", mountPath: "/data" }] });
    const other = backendOf({ ...who, volumes: [{ name: "y", mountPath: "/data" }] });
    await expect(other.setup()).rejects.toMatchObject({ code: "SANDBOX_STATE" });
    await first.teardown();
  });
});

test.each([
  ["a relative mount path", { mountPath: "data" }],
  ["a system directory", { mountPath: "/etc/x" }],
  ["a mount path with dots", { mountPath: "/data/../x" }],
  ["a subpath with dots", { subpath: "../x" }],
  ["an absolute subpath", { subpath: "/x" }],
  ["markup in a name", { name: "<b>" }],
  ["the working directory", { mountPath: "/workspace" }],
  ["something else", { size: 1 }],
])("%s is refused before any request", (_, wrong) => {
  const volume = { name: "v", mountPath: "/data", ...wrong };
  for (const type of ["daytona", "local"] as const) {
    const make = () => createBackend(type, { apiKey: "k", volumes: [volume] } as never);
    if (type === "local")
      expect(() => createBackend("local", { volumes: [volume] })).toThrow(/volumes/);
    else expect(make).toThrow(/volumes\.0/);
  }
});

test("two volumes in one place, and volumes without isolation, are refused", () => {
  const volumes = [
    { name: "v", mountPath: "/data" },
    { name: "w", mountPath: "/data/in" },
  ];
  expect(() => createBackend("local", { volumes })).toThrow(/volumes\.0\.mountPath/);
  const one = { isolation: "none", workDir: "~/w", volumes: volumes.slice(0, 1) } as const;
  expect(() => createBackend("local", one)).toThrow(/isolation `none`/);
  expect(createBackend("local", { isolation: "none" }).capabilities.volumes).toBe(false);
});
