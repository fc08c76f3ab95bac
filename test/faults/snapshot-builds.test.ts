import { Image } from "@daytonaio/sdk";
import { describe, test } from "vitest";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import {
  AbortError,
  ConfigError,
  createProvider,
  type DaytonaConfig,
  type Provider,
  SnapshotError,
  TimeoutError,
  UnsupportedOperationError,
} from "../../src/index.ts";
import { emulatorsOfFile } from "../helpers/emulator-fixture.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { rejection } from "../helpers/rejection.ts";
import { until } from "../helpers/until.ts";

/** Snapshots that are built: what ends the build is their state, whatever happens to requests and logs. */
const withEmulator = emulatorsOfFile();
const { available } = await LocalEngine.probe();
const operation = "snapshots.build";

function providerOf({ apiKey, apiUrl }: DaytonaConfig): Provider {
  return createProvider("daytona", { apiKey, apiUrl });
}

describe.skipIf(!available)("a build", () => {
  test.concurrent("makes a snapshot that sandboxes begin from, and tells its log", async ({
    expect,
  }) => {
    await withEmulator(expect, {}, async ({ config, backend }) => {
      await using provider = providerOf(config);
      const name = `tools-${config.owner}:1`;
      const texts: string[] = [];
      const snapshot = await provider.snapshots.build({
        name,
        image: {
          base: "node:20-slim",
          workDir: "/tool",
          run: ["echo installed > state; echo working"],
        },
        resources: { cpu: 2, memoryGiB: 2 },
        onLog: (text) => texts.push(text),
      });
      expect(snapshot).toMatchObject({ name, state: "active" });
      expect(texts.join("").match(/^working$/gm)).toHaveLength(1);
      const ready = backend({ snapshot: name });
      await ready.setup();
      expect((await ready.exec("cat /tool/state")).stdout).toBe("installed\n");
      await ready.teardown();
      const again = provider.snapshots.build({ name, image: "node:20-slim" });
      expect(
        await rejection(expect, again, SnapshotError, { code: "SNAPSHOT_FAILED", operation }),
      ).toMatchObject({
        reason: "name-taken",
      });
      await provider.snapshots.delete(name);
    });
  });

  test.concurrent("that fails says why, and frees its name", async ({ expect }) => {
    await withEmulator(expect, {}, async ({ config }) => {
      await using provider = providerOf(config);
      const name = `broken-${config.owner}:1`;
      const image = Image.base("debian:12").runCommands("echo almost there; exit 7");
      const failing = provider.snapshots.build({ name, image });
      const error = await rejection(expect, failing, SnapshotError, {
        code: "SNAPSHOT_FAILED",
        operation,
      });
      expect(error).toMatchObject({ reason: "failed", snapshot: name });
      expect(error.message).toMatch(
        /build_failed\. process .* exit code: 7\. It is being deleted\./,
      );
      expect(error.message).toMatch(/The end of its build log:\n[\s\S]*^almost there\nERROR/m);
      await provider.snapshots.delete(name);
      expect(await provider.snapshots.get(name)).toBeUndefined();
    });
  });
});

describe("faults", () => {
  test.concurrent("a lost answer and a lost log are no failure", async ({ expect }) => {
    await withEmulator(expect, { latencyMs: 1 }, async ({ config, emulator }) => {
      await using provider = providerOf(config);
      emulator.faults.add({
        match: { method: "POST", path: "/snapshots" },
        effect: { type: "handle-then-reset" },
        times: 1,
      });
      const held = emulator.faults.add({ effect: { type: "hold-state", state: "building" } });
      const log = emulator.faults.add({
        match: { path: "/snapshots/{snapshotId}/build-logs" },
        effect: { type: "truncate", bytes: 10 },
      });
      const building = provider.snapshots.build({
        name: "lost:1",
        image: Image.base("debian:12"),
        onLog: () => {},
      });
      await until(() => log.hits > 0, 20_000);
      held.remove();
      expect(await building).toMatchObject({ name: "lost:1", state: "active" });
      expect(emulator.requests.count({ method: "POST", path: "/snapshots", status: 200 })).toBe(0);
      expect(
        (await provider.snapshots.list()).filter(({ name }) => name === "lost:1"),
      ).toHaveLength(1);
    });
  });

  test.concurrent("one that does not end runs out of time, is aborted, and is named", async ({
    expect,
  }) => {
    await withEmulator(expect, { latencyMs: 1 }, async ({ config, emulator }) => {
      await using provider = providerOf(config);
      const held = emulator.faults.add({ effect: { type: "hold-state", state: "pending" } });
      const slow = provider.snapshots.build({
        name: "slow:1",
        image: "debian:12",
        timeoutMs: 2_000,
      });
      const error = await rejection(expect, slow, TimeoutError, { code: "TIMEOUT", operation });
      expect(error.message).toMatch(
        /slow:1 was asked for \(last seen: pending\) and may still come/,
      );
      const controller = new AbortController();
      const aborted = provider.snapshots.build({
        name: "aborted:1",
        image: Image.base("debian:12"),
        signal: controller.signal,
      });
      await until(
        () => emulator.requests.count({ method: "POST", path: "/snapshots" }) === 2,
        20_000,
      );
      controller.abort();
      await rejection(expect, aborted, AbortError, { code: "ABORTED", operation });
      held.remove();
    });
  });

  test.concurrent.for(isLongRun ? ([403, 429, 500] as const) : ([403] as const))(
    "status %d",
    async (status, { expect }) => {
      await withEmulator(expect, { latencyMs: 1 }, async ({ config, emulator }) => {
        await using provider = providerOf(config);
        const fault = emulator.faults.add({
          match: { method: "POST", path: "/snapshots" },
          effect: { type: "respond", status, body: { message: "no" } },
          times: 1,
        });
        const building = provider.snapshots.build({ name: "refused:1", image: "debian:12" });
        if (status === 403) {
          const error = await building.catch((failure: unknown) => failure);
          expect(error).toMatchObject({ code: "PERMISSION_DENIED", operation });
          expect(await provider.snapshots.get("refused:1")).toBeUndefined();
        } else expect(await building).toMatchObject({ state: "active" });
        expect(fault.hits).toBe(1);
      });
    },
  );
});

test.concurrent("what is wrong is refused before any request", async ({ expect }) => {
  await withEmulator(expect, { latencyMs: 1 }, async ({ config, emulator }) => {
    await using provider = providerOf(config);
    const cases: readonly (readonly [object, string])[] = [
      [{ name: "a:latest", image: "debian:12" }, "name"],
      [{ name: "a b", image: "debian:12" }, "name"],
      [{ name: "a:1", image: "debian" }, "image"],
      [{ name: "a:1", image: "debian:latest" }, "image"],
      [{ name: "a:1", image: "host:5000/debian" }, "image"],
      [{ name: "a:1", image: { base: "debian:latest" } }, "image"],
      [{ name: "a:1", image: Image.base("debian") }, "image"],
      [{ name: "a:1", image: { base: "" } }, "image.base"],
      [
        { name: "a:1", image: { base: "debian:12", copy: [{ from: "/nowhere", to: "/x" }] } },
        "image.copy.0.from",
      ],
      [{ name: "a:1", image: "debian:12", resources: { cpu: 0 } }, "resources.cpu"],
      [{ name: "a:1", image: "debian:12", onLogs: () => {} }, "onLogs"],
      [{ name: "a:1" }, "image"],
    ];
    for (const [options, path] of cases) {
      const building = provider.snapshots.build(options as never);
      const error = await rejection(expect, building, ConfigError, {
        code: "CONFIG_INVALID",
        operation,
      });
      expect(error.path).toBe(path);
    }
    expect(emulator.requests.count({ surface: "api" })).toBe(0);
  });
});

test("the local provider builds nothing, and says so", async ({ expect }) => {
  await using provider = createProvider("local", {});
  const building = provider.snapshots.build({ name: "a:1", image: "debian:12" });
  await rejection(expect, building, UnsupportedOperationError, {
    code: "UNSUPPORTED_OPERATION",
    operation,
  });
});
