import { afterEach, describe, expect, test, vi } from "vitest";
import {
  AuthenticationError,
  type SandboxError,
  SandboxNotFoundError,
  SandboxStateError,
} from "../../src/index.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";

/** A lease keeps an idle sandbox running as long as it is held, and ends when there is nothing to hold. */
const withEmulator = emulatorsOfFile();
const minuteMs = 60_000;
const tick = {
  surface: "api",
  method: "POST",
  path: "/sandbox/{sandboxId}/last-activity",
} as const;

afterEach(() => {
  vi.useRealTimers();
});

/** Lets intervals pass at will, and the date too when it is named; everything else takes its own time. */
function holdIntervals(...others: "Date"[]): void {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", ...others], now: Date.now() });
}

/** Lets a tick's time pass, and again when the one before was still under way, until the check holds. */
async function afterTicks(check: () => void): Promise<void> {
  const tickAndCheck = (): void => {
    vi.advanceTimersByTime(minuteMs);
    check();
  };
  vi.advanceTimersByTime(minuteMs);
  await vi
    .waitFor(check, { timeout: 3_000, interval: 20 })
    .catch(() => vi.waitFor(tickAndCheck, { timeout: 20_000, interval: 2_000 }));
}

describe.each(serverProfiles.filter(coversEverything))("server profile %s", (profile) => {
  test("a held sandbox is not stopped, and one that was let go is", async () => {
    // An emulator of its own, because all of its sandboxes age at once.
    const own = { profile, startHoldMs: 30_000 };
    await withEmulator(expect, own, async ({ ready, emulator, describe: describeSandbox }) => {
      const backend = await ready({ idle: { autoStopMinutes: 3 } });
      const { sandboxId } = backend;
      holdIntervals();
      const lease = await backend.keepAlive();
      expect(lease.isHeld).toBe(true);
      expect(lease.expiresAt.getTime()).toBeGreaterThan(Date.now() + 7 * 60 * minuteMs);
      const ticks = () => emulator.requests.count(tick);
      // More idleness than it may have in all, with a sign of life each minute.
      for (let minute = 1; minute <= 4; minute++) {
        const before = ticks();
        emulator.advanceClock(minuteMs);
        await afterTicks(() => expect(ticks()).toBeGreaterThan(before));
      }
      expect((await backend.status()).state).toBe("running");
      expect(JSON.stringify(await describeSandbox(sandboxId))).toContain("sandbox-backend.lease.");

      await lease.release();
      expect(lease.isHeld).toBe(false);
      expect(JSON.stringify(await describeSandbox(sandboxId))).not.toContain("backend.lease.");
      vi.useRealTimers();
      emulator.advanceClock(4 * minuteMs);
      await vi.waitFor(async () => expect((await backend.status()).state).toBe("stopped"), {
        timeout: 20_000,
        interval: 100,
      });
      await backend.teardown();
    });
  });

  test("it is lost when the sandbox stops, when the key is refused, and when the sandbox is gone", async () => {
    await withEmulator(expect, { profile }, async ({ ready, backend, fault }) => {
      const first = await ready();
      const second = backend();
      await second.reconnect(first.sandboxId);
      const lost: SandboxError[] = [];
      const onLost = (error: SandboxError) => {
        lost.push(error);
      };
      const pass = async (count: number) => {
        await afterTicks(() => expect(lost).toHaveLength(count));
      };

      holdIntervals("Date");
      const refused = await first.keepAlive({ onLost });
      // What may pass ends nothing.
      const outage = fault(tick, { type: "respond", status: 502 }, { times: 1 });
      await afterTicks(() => expect(outage.hits).toBe(1));
      expect(refused.isHeld).toBe(true);
      const denial = fault(tick, { type: "respond", status: 401, body: { message: "No" } });
      await pass(1);
      denial.remove();
      expect(lost[0]).toBeInstanceOf(AuthenticationError);
      expect(await refused.ended).toEqual({ reason: "lost", error: lost[0] });

      // That it does not run is seen when the mark is renewed.
      const held = [await first.keepAlive({ onLost }), await second.keepAlive({ onLost })];
      await second.stop();
      vi.setSystemTime(Date.now() + 6 * minuteMs);
      await pass(3);
      expect(lost.slice(1)).toEqual([expect.any(SandboxStateError), expect.any(SandboxStateError)]);
      expect(held.map(({ isHeld }) => isHeld)).toEqual([false, false]);
      await expect(first.keepAlive()).rejects.toBeInstanceOf(SandboxStateError);

      await first.start();
      const gone = await first.keepAlive({ onLost });
      await second.teardown();
      await pass(4);
      expect(lost[3]).toBeInstanceOf(SandboxNotFoundError);
      expect(gone.isHeld).toBe(false);
      await gone.release();
    });
  });

  test("it ends with its backend and at its own time", async () => {
    await withEmulator(
      expect,
      { profile },
      async ({ ready, describe: describeSandbox, backend }) => {
        const first = await ready();
        const short = await first.keepAlive({ maxMs: 50 });
        expect(await short.ended).toEqual({ reason: "expired", error: undefined });
        const lease = await first.keepAlive();
        await first[Symbol.asyncDispose]();
        expect(await lease.ended).toEqual({ reason: "released", error: undefined });
        const { labels } = await describeSandbox(first.sandboxId);
        expect(Object.keys(labels as object).filter((key) => key.includes(".lease."))).toEqual([]);
        const last = backend();
        await last.reconnect(first.sandboxId);
        await last.teardown();
      },
    );
  });
});
