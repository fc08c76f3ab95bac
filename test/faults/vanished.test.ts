import { describe, test } from "vitest";
import {
  CompletionUnknownError,
  ConnectionError,
  SandboxLostError,
  SandboxNotFoundError,
  TimeoutError,
} from "../../src/index.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { rejection } from "../helpers/rejection.ts";
import { until } from "../helpers/until.ts";

const withEmulator = emulatorsOfFile();

describe.for(serverProfiles)("server profile %s", (profile) => {
  test.concurrent("a sandbox that another client has deleted", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, request, sandboxes }) => {
      const backend = await ready();
      const { sandboxId } = backend;
      await request("DELETE", `/sandbox/${sandboxId}`);
      await until(() => sandboxes().length === 0);
      const facts = { code: "SANDBOX_NOT_FOUND", sandboxId, retryable: false } as const;
      await Promise.all(
        (
          [
            ["exec", () => backend.exec("true")],
            ["readFile", () => backend.readFile("/etc/hostname")],
            ["writeFile", () => backend.writeFile("file", "content")],
            ["listFiles", () => backend.listFiles(".")],
            ["getPreviewUrl", () => backend.getPreviewUrl(3000)],
            ["start", () => backend.start()],
            ["stop", () => backend.stop()],
          ] as const
        ).map(([operation, call]) =>
          rejection(expect, call(), SandboxNotFoundError, { ...facts, operation }),
        ),
      );
      expect(await backend.status()).toMatchObject({ state: "deleted", id: sandboxId });
      await backend.teardown();
      await backend.teardown();
    });
  });

  test.concurrent("a sandbox that is deleted while a command runs", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, request }) => {
      const backend = await ready();
      const { sandboxId } = backend;
      let said = "";
      const running = backend.exec("echo started; sleep 60", {
        onStdout: (chunk) => {
          said += Buffer.from(chunk).toString();
        },
      });
      const lost = rejection(expect, running, SandboxLostError, {
        code: "SANDBOX_LOST",
        operation: "exec",
        sandboxId,
        retryable: false,
      });
      await until(() => said.includes("started"), 20_000);
      await request("DELETE", `/sandbox/${sandboxId}`);
      await lost;
      await backend.teardown();
    });
  });

  if (!coversEverything(profile)) return;

  test.concurrent("an unknown ID is asked for twice", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ emulator, backend }) => {
      const missing = crypto.randomUUID();
      const lone = backend();
      const before = emulator.requests.count({ surface: "api", status: 404 });
      const error = await rejection(expect, lone.reconnect(missing), SandboxNotFoundError, {
        code: "SANDBOX_NOT_FOUND",
        operation: "reconnect",
        sandboxId: missing,
        retryable: false,
      });
      expect(error.message).toContain("another organisation");
      expect(emulator.requests.count({ surface: "api", status: 404 }) - before).toBe(2);
      expect(lone.sandboxId).toBeUndefined();
    });
  });

  test.concurrent("a name does not pass for an ID", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, backend, sandboxName }) => {
      const first = await ready();
      await rejection(expect, backend().reconnect(sandboxName), SandboxNotFoundError, {
        code: "SANDBOX_NOT_FOUND",
        operation: "reconnect",
      });
      await first.teardown();
    });
  });

  test.concurrent("a file that is read of a sandbox that is being deleted", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, request, fault }) => {
      const backend = await ready();
      const { sandboxId } = backend;
      fault({ sandboxId }, { type: "hold-state", state: "destroying", ms: 600 });
      await request("DELETE", `/sandbox/${sandboxId}`);
      await rejection(expect, backend.readFile("/etc/hostname"), SandboxNotFoundError, {
        code: "SANDBOX_NOT_FOUND",
        operation: "readFile",
        sandboxId,
      });
      await backend.teardown();
    });
  });

  test.concurrent("a sandbox that runs and does not answer", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, backend, fault }) => {
      const first = await ready();
      const { sandboxId } = first;
      const zombie = fault({ sandboxId }, { type: "zombie" });
      expect(await first.status()).toMatchObject({ state: "running" });
      const facts = { sandboxId, retryable: true } as const;
      await Promise.all([
        rejection(expect, first.readFile("/etc/hostname"), ConnectionError, {
          ...facts,
          code: "CONNECTION_FAILED",
          operation: "readFile",
        }),
        rejection(expect, first.writeFile("file", "content"), ConnectionError, {
          ...facts,
          code: "CONNECTION_FAILED",
          operation: "writeFile",
        }),
        rejection(expect, backend().reconnect(sandboxId, { timeoutMs: 1_500 }), TimeoutError, {
          code: "TIMEOUT",
          operation: "reconnect",
          retryable: true,
        }),
      ]);
      zombie.remove();
      expect((await first.exec("echo back")).stdout).toBe("back\n");
      await first.teardown();
    });
  });
});

// The library tries for half a minute to prove the end of what may run.
test.runIf(isLongRun)(
  "a command in a sandbox that does not answer is never said to have ended",
  async ({ expect }) => {
    await withEmulator(expect, {}, async ({ ready, fault }) => {
      const backend = await ready();
      const { sandboxId } = backend;
      const zombie = fault({ sandboxId }, { type: "zombie" });
      const error = await rejection(
        expect,
        backend.exec("true", { timeoutMs: 500 }),
        CompletionUnknownError,
        { code: "COMPLETION_UNKNOWN", operation: "exec", sandboxId },
      );
      expect(error.reason).toBe("unreachable");
      zombie.remove();
      await backend.teardown();
    });
  },
);
