import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BackendConfig } from "../../src/contract/config.ts";
import { VolumeError } from "../../src/contract/provider-errors.ts";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { type Backend, createBackend } from "../../src/index.ts";
import { startEmulator } from "../emulator/start-emulator.ts";
import { isLongRun } from "../helpers/long-run.ts";

const { available } = await LocalEngine.probe();

describe.skipIf(!available)("volumes", () => {
  let emulator: DaytonaEmulator;
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "volumes-"));
    emulator = await startEmulator({ stateDelaysMs: { volumeCreating: 50 } });
  });
  afterAll(async () => {
    await emulator.close();
    await rm(directory, { recursive: true, force: true });
  });

  function backendOf(type: "daytona" | "local", config: BackendConfig): Backend {
    if (type === "local") return createBackend("local", { ...config, directory } as never);
    return createBackend("daytona", { apiKey: emulator.apiKey, apiUrl: emulator.url, ...config });
  }

  async function setUp(type: "daytona" | "local", config: BackendConfig): Promise<Backend> {
    const backend = backendOf(type, config);
    await backend.setup();
    return backend;
  }

  test.each(["daytona", "local"] as const)("%s: made, shared, and outlive both", async (type) => {
    const whole = { name: "team cache", mountPath: "/mnt/the cache" };
    const part = { name: "team cache", mountPath: "/data/part", subpath: "a/b" };
    const [one, two] = await Promise.all([
      setUp(type, { volumes: [whole] }),
      setUp(type, { volumes: [part] }),
    ]);
    await one.exec("mkdir -p '/mnt/the cache/a/b'");
    await one.writeFile("/mnt/the cache/a/b/file", "hello");
    expect(String(await two.readFile("/data/part/file", { encoding: "utf8" }))).toBe("hello");
    await one.teardown();
    await two.teardown();
    const three = await setUp(type, { volumes: [{ ...whole, create: false }] });
    expect((await three.exec(["cat", "/mnt/the cache/a/b/file"])).stdout).toBe("hello");
    await three.teardown();
  });

  test.each(["daytona", "local"] as const)(
    "%s: one that must be there and is not",
    async (type) => {
      const volumes = [{ name: "never made", mountPath: "/data", create: false }];
      const backend = backendOf(type, { volumes });
      const failure = await backend.setup().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(VolumeError);
      expect(String(failure)).toContain("never made");
      await backend.teardown();
      expect(emulator.sandboxes()).toEqual([]);
    },
  );

  test("daytona: a broken volume is an error with its reason, and nothing is left", async () => {
    emulator.faults.add({
      match: { name: "broken" },
      effect: { type: "fail-transition", state: "pending_create", errorReason: "no bucket" },
    });
    const volumes = [{ name: "broken", mountPath: "/data" }];
    await expect(backendOf("daytona", { volumes }).setup()).rejects.toMatchObject({
      code: "VOLUME_FAILED",
      message: expect.stringContaining("no bucket"),
    });
    expect(emulator.sandboxes()).toEqual([]);
  });

  test("daytona: a volume that never is ready ends with the deadline, and nothing is left", async () => {
    const hold = emulator.faults.add({
      match: { name: "slow" },
      effect: { type: "hold-state", state: "pending_create" },
    });
    const volumes = [{ name: "slow", mountPath: "/data" }];
    const backend = backendOf("daytona", { volumes });
    await expect(backend.setup({ timeoutMs: 1_500 })).rejects.toMatchObject({ code: "TIMEOUT" });
    expect(emulator.sandboxes()).toEqual([]);
    hold.remove();
  });

  test.runIf(isLongRun)(
    "daytona: a lost answer and a race of two hosts make one volume",
    async () => {
      emulator.faults.add({
        match: { method: "POST", path: "/volumes" },
        times: 1,
        effect: { type: "handle-then-reset" },
      });
      const volumes = [{ name: "raced", mountPath: "/data" }];
      const backends = await Promise.all([
        setUp("daytona", { volumes }),
        setUp("daytona", { volumes }),
      ]);
      expect(emulator.volumes().filter(({ name }) => name === "raced")).toHaveLength(1);
      await Promise.all(backends.map((backend) => backend.teardown()));
    },
  );

  test("daytona: a server that ignores the volume is found out, and nothing is left", async () => {
    emulator.faults.add({ times: 1, effect: { type: "unmounted" } });
    const volumes = [{ name: "ignored", mountPath: "/data" }];
    await expect(backendOf("daytona", { volumes }).setup()).rejects.toMatchObject({
      code: "SETUP_FAILED",
      step: "volumes",
      cause: expect.objectContaining({ code: "VOLUME_FAILED" }),
      leaked: [],
    });
    expect(emulator.sandboxes()).toEqual([]);
  });

  test.runIf(isLongRun)("a volume is part of what a sandbox is adopted by", async () => {
    const who = { owner: "me", name: "same" };
    const first = await setUp("daytona", { ...who, volumes: [{ name: "x", mountPath: "/data" }] });
    const other = backendOf("daytona", { ...who, volumes: [{ name: "y", mountPath: "/data" }] });
    await expect(other.setup()).rejects.toMatchObject({ code: "SANDBOX_STATE" });
    await first.teardown();
  });

  test("nothing of the local volumes' sandboxes is left", async () => {
    const engine = join(directory, "namespaces/engine");
    expect(await readdir(join(engine, "sandboxes"))).toEqual([]);
    expect(await readdir(join(engine, "volumes"))).toEqual([expect.stringMatching(/^team-cache-/)]);
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
