import { describe, test } from "vitest";
import { SandboxNotFoundError } from "../../src/index.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { rejection } from "../helpers/rejection.ts";

/** Facts about a sandbox that were true once: F06 and F09. */
const withEmulator = emulatorsOfFile();

describe.for(serverProfiles.filter(coversEverything))("server profile %s", (profile) => {
  test.concurrent("an address of the toolbox that no longer leads there is asked for anew", async ({
    expect,
  }) => {
    await withEmulator(expect, { profile }, async ({ ready, fault, emulator }) => {
      const backend = await ready();
      const { origin } = new URL(emulator.url);
      const moved = [`${origin}/moved/toolbox`, "http://127.0.0.1:9/toolbox"];
      for (const toolboxProxyUrl of moved) {
        // What every later call of this client goes to, until it learns better.
        const stale = fault({ surface: "api" }, { type: "rewrite", fields: { toolboxProxyUrl } });
        expect((await backend.status()).state).toBe("running");
        expect(stale.hits).toBeGreaterThan(0);
        stale.remove();
        expect((await backend.exec("echo here")).stdout).toBe("here\n");
        await backend.writeFile("file", toolboxProxyUrl);
        expect(await backend.readFile("file", { encoding: "utf8" })).toBe(toolboxProxyUrl);
      }
      await backend.teardown();
    });
  });

  if (!isLongRun) return;

  test("a sandbox that its idle times have ended is told as gone, and made anew", async ({
    expect,
  }) => {
    // An emulator of its own, because all of its sandboxes age at once.
    const own = { profile, startHoldMs: 30_000 };
    await withEmulator(expect, own, async ({ ready, backend, emulator, sandboxes }) => {
      const idle = { autoStopMinutes: 5, autoDeleteMinutes: 30 };
      const first = await ready({ idle });
      const { sandboxId } = first;
      const becomes = (state: string) =>
        expect
          .poll(async () => (await first.status()).state, { timeout: 30_000, interval: 100 })
          .toBe(state);
      emulator.advanceClock(6 * 60_000);
      await becomes("stopped");
      const second = backend({ idle });
      await second.reconnect(sandboxId);
      expect((await second.status()).state).toBe("running");
      emulator.advanceClock(6 * 60_000);
      await becomes("stopped");
      emulator.advanceClock(31 * 60_000);
      await becomes("deleted");
      const facts = { code: "SANDBOX_NOT_FOUND", sandboxId } as const;
      await rejection(expect, first.exec("true"), SandboxNotFoundError, {
        ...facts,
        operation: "exec",
      });
      await rejection(expect, backend().reconnect(sandboxId), SandboxNotFoundError, {
        ...facts,
        operation: "reconnect",
      });
      expect(sandboxes()).toEqual([]);
      const third = await ready({ idle });
      expect(third.sandboxId).not.toBe(sandboxId);
      await third.teardown();
    });
  });
});
