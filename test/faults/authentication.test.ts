import { describe, test } from "vitest";
import {
  AuthenticationError,
  ConfigError,
  createBackend,
  PermissionError,
  SetupError,
} from "../../src/index.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { rejection, shownForms } from "../helpers/rejection.ts";

const withEmulator = emulatorsOfFile();
const allKey = `dtn_all_${"a".repeat(32)}`;
const readOnlyKey = `dtn_read_${"r".repeat(32)}`;
const noDeleteKey = `dtn_write_${"w".repeat(32)}`;
const wrongKey = `dtn_wrong_${"x".repeat(32)}`;

describe.for(serverProfiles)("server profile %s", (profile) => {
  test.concurrent("a key that is revoked is refused once by each method", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ emulator, ready, fault, sandboxes }) => {
      const backend = await ready();
      const { sandboxId } = backend;
      const answer = { type: "respond", status: 401, body: { message: "Unauthorized" } } as const;
      const atApi = fault({ surface: "api" }, answer);
      const atProxy = fault({ surface: "toolbox" }, answer);
      const facts = { code: "AUTHENTICATION_FAILED", retryable: false, sandboxId } as const;
      const countDuring = async (run: () => Promise<unknown>): Promise<number> => {
        const before = emulator.requests.count({ surface: "api", sandboxId });
        await run();
        return emulator.requests.count({ surface: "api", sandboxId }) - before;
      };

      for (const [operation, call] of [
        ["status", () => backend.status()],
        ["start", () => backend.start()],
        ["stop", () => backend.stop()],
        ["exec", () => backend.exec("true")],
        ["readFile", () => backend.readFile("/etc/hostname")],
        ["getPreviewUrl", () => backend.getPreviewUrl(3000)],
        ["teardown", () => backend.teardown()],
      ] as const) {
        // A failed read is explained by a second request, of another kind.
        const mostRequests = operation === "readFile" ? 2 : 1;
        const requests = await countDuring(() =>
          rejection(expect, call(), AuthenticationError, { ...facts, operation }),
        );
        expect(requests, operation).toBeGreaterThan(0);
        expect(requests, operation).toBeLessThanOrEqual(mostRequests);
      }

      atApi.remove();
      atProxy.remove();
      expect(sandboxes()).toMatchObject([{ id: sandboxId, state: "started" }]);
      await backend.teardown();
    });
  });

  if (!coversEverything(profile)) return;

  test.concurrent("keys without rights are refused, and what stays is named", async ({
    expect,
  }) => {
    const apiKeys = [
      { key: allKey },
      { key: noDeleteKey, permissions: ["write:sandboxes" as const] },
      { key: readOnlyKey, permissions: [] },
    ];
    await withEmulator(expect, { profile, apiKeys }, async (fixture) => {
      const { emulator, backend, ready, sandboxes } = fixture;
      const facts = { code: "PERMISSION_DENIED", retryable: false } as const;

      const unknown = backend({ apiKey: wrongKey });
      const fromSetup = await rejection(expect, unknown.setup(), AuthenticationError, {
        code: "AUTHENTICATION_FAILED",
        operation: "setup",
        retryable: false,
      });
      expect(emulator.requests.count()).toBe(1);
      const missing = "11111111-2222-4333-8444-555555555555";
      const fromReconnect = await rejection(
        expect,
        unknown.reconnect(missing),
        AuthenticationError,
        { code: "AUTHENTICATION_FAILED", operation: "reconnect", retryable: false },
      );
      expect(emulator.requests.count()).toBe(2);
      expect(shownForms([fromSetup, fromReconnect])).not.toContain(wrongKey);

      const mayOnlyRead = backend({ apiKey: readOnlyKey }).setup();
      await rejection(expect, mayOnlyRead, PermissionError, { ...facts, operation: "setup" });
      expect(emulator.requests.count()).toBe(3);
      expect(emulator.sandboxes()).toEqual([]);

      const limited = await ready({ apiKey: noDeleteKey });
      const { sandboxId } = limited;
      const error = await rejection(expect, limited.teardown(), PermissionError, {
        ...facts,
        operation: "teardown",
        sandboxId,
      });
      expect(shownForms(error)).not.toContain(noDeleteKey);
      expect(emulator.requests.count({ method: "DELETE" })).toBe(1);
      expect(sandboxes()).toMatchObject([{ id: sandboxId, state: "started" }]);
      // Whoever has the right finds the sandbox by its ID.
      const allowed = backend();
      await allowed.reconnect(sandboxId);
      await allowed.teardown();

      const failing = backend({ apiKey: noDeleteKey, workDir: "/dev/null/below" });
      const failure = await rejection(expect, failing.setup(), SetupError, {
        code: "SETUP_FAILED",
        operation: "setup",
      });
      const [left] = sandboxes();
      expect(failure.leaked).toEqual([{ id: left?.id, name: left?.name, state: "started" }]);
      expect(failure.message).toContain(left?.id);
      fixture.leaves(left?.id);
    });
  });
});

test("a missing key is refused before any request", async ({ expect }) => {
  await withEmulator(expect, {}, async ({ emulator }) => {
    const before = process.env.DAYTONA_API_KEY;
    delete process.env.DAYTONA_API_KEY;
    const requests = emulator.requests.count();
    try {
      expect(() => createBackend("daytona", { apiUrl: emulator.url })).toThrow(ConfigError);
      expect(() => createBackend("daytona", { apiUrl: emulator.url })).toThrow(
        expect.objectContaining({ code: "CONFIG_INVALID", path: "apiKey" }),
      );
    } finally {
      if (before !== undefined) process.env.DAYTONA_API_KEY = before;
    }
    expect(emulator.requests.count()).toBe(requests);
  });
});
