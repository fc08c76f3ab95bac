import { inspect } from "node:util";
import { describe, test } from "vitest";
import {
  CapacityError,
  ConfigError,
  type DaytonaConfig,
  ProtocolError,
  QuotaError,
  SnapshotError,
} from "../../src/index.ts";
import { emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { rejection } from "../helpers/rejection.ts";

/** Creations that Daytona refuses: told apart by class, and nothing is left to look for. */
const withEmulator = emulatorsOfFile();
const create = { surface: "api", method: "POST", path: "/sandbox" } as const;

describe.for(serverProfiles)("server profile %s", (profile) => {
  test.concurrent("a limit of the organisation names who holds it", async ({ expect }) => {
    const options = { profile, quotas: { totalCpu: 3 } };
    await withEmulator(expect, options, async (fixture) => {
      const { ready, backend, config, creations } = fixture;
      const secret = "s3cret-of-a-holder";
      const first = await ready({ name: "first", labels: { secret }, env: { SECRET: secret } });
      const others = await Promise.all([
        ready({ name: "second", owner: undefined, labels: { at: config.owner } }),
        ready({ name: "third" }),
      ]);
      const error = await rejection(expect, backend().setup(), QuotaError, {
        code: "QUOTA_EXCEEDED",
        operation: "setup",
        retryable: false,
      });
      expect(creations()).toBe(1);
      expect(error.message).toContain("Total CPU limit exceeded");
      expect(error).toMatchObject({ scope: "organization", holderCount: 3 });
      const { sandboxId: id, ref } = first;
      const { owner } = config;
      expect(error.holders[0]).toEqual({ id, name: ref?.name, owner, state: "running" });
      expect(error.holders.map(({ id }) => id)).toContain(others[0].sandboxId);
      expect(error.message).toContain(`${ref?.name} (${id}, running)`);
      expect(JSON.stringify(error) + inspect(error, { depth: 9 })).not.toContain(secret);

      // A stopped one holds no CPU, and gets none to start with when another one has it.
      await first.stop();
      const fourth = await ready({ name: "fourth" });
      const refused = await rejection(expect, first.start(), QuotaError, {
        code: "QUOTA_EXCEEDED",
        operation: "start",
        retryable: false,
      });
      expect(refused.holders).toContainEqual(
        expect.objectContaining({ id: fourth.sandboxId, state: "running" }),
      );
      await Promise.all([first, fourth, ...others].map((made) => made.teardown()));
    });
  });

  test.concurrent("what the config asks for does not exist", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ emulator, backend }) => {
      const cases: readonly [DaytonaConfig, new (...args: never[]) => Error, string, RegExp][] = [
        [{ snapshot: "no-such" }, SnapshotError, "SNAPSHOT_FAILED", /Snapshot no-such not found/],
        [{ target: "atlantis" }, ConfigError, "CONFIG_INVALID", /Region not found/],
        [
          { image: "debian:12", resources: { cpu: 64 } },
          QuotaError,
          "QUOTA_EXCEEDED",
          /CPU request 64.* Ask for less/s,
        ],
      ];
      for (const [index, [config, errorClass, code, words]] of cases.entries()) {
        const name = `refused ${index}`;
        const refused = backend({ ...config, name });
        const error = await refused.setup().catch((failure: unknown) => failure);
        expect(error).toBeInstanceOf(errorClass);
        expect(error).toMatchObject({ code, operation: "setup", retryable: false });
        expect((error as Error).message).toMatch(words);
        expect(refused.sandboxId).toBeUndefined();
        const posted = emulator.requests
          .list({ method: "POST", path: "/sandbox" })
          .filter(({ body }) => JSON.stringify(body).includes(`refused-${index}`));
        expect(posted).toHaveLength(1);
      }
    });
  });
});

test.concurrent("limits that are known by their words alone", async ({ expect }) => {
  await withEmulator(expect, {}, async ({ backend, fault }) => {
    for (const message of [
      "Total CPU limit exceeded. Maximum allowed: 10.",
      "Total memory limit exceeded. Maximum allowed: 20GiB.",
      "Sandbox resource limit reached (16)",
    ]) {
      fault(
        create,
        { type: "respond", status: 400, body: { statusCode: 400, message } },
        { times: 1 },
      );
      const error = await rejection(expect, backend().setup(), QuotaError, {
        code: "QUOTA_EXCEEDED",
        operation: "setup",
        retryable: false,
      });
      expect(error.message).toContain(message);
    }
  });
});

test.concurrent("no machine is free: tried again, and then retryable", async ({ expect }) => {
  await withEmulator(expect, {}, async ({ ready, backend, fault, creations }) => {
    const full = fault(create, {
      type: "respond",
      status: 400,
      body: { statusCode: 400, message: "No available runners" },
    });
    await rejection(expect, backend().setup(), CapacityError, {
      code: "NO_CAPACITY",
      operation: "setup",
      retryable: true,
    });
    expect(creations()).toBe(4);
    full.remove();
    await (await ready()).teardown();
  });
});

test.concurrent("an address that is no API's", async ({ expect }) => {
  await withEmulator(expect, {}, async ({ emulator, backend, config }) => {
    const dashboard = config.apiUrl?.replace(/\/api$/, "");
    const lost = backend({ apiUrl: dashboard });
    for (const [operation, call] of [
      ["setup", () => lost.setup()],
      ["reconnect", () => lost.reconnect(crypto.randomUUID())],
    ] as const) {
      const error = await rejection(expect, call(), ProtocolError, {
        code: "PROTOCOL",
        operation,
        retryable: false,
      });
      expect(error.message).toContain("apiUrl");
    }
    expect(emulator.requests.count({ surface: "dashboard", method: "POST" })).toBe(1);
  });
});
