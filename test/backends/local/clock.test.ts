import { afterEach, describe, expect, test, vi } from "vitest";
import { createProvider } from "../../../src/index.ts";
import { isolationsUnderTest } from "../../engine/isolations.ts";
import { withLocal } from "./local-fixture.ts";

const dayMs = 86_400_000;
const jumps = [
  ["forwards", 400 * dayMs],
  ["backwards", -400 * dayMs],
] as const;

afterEach(() => {
  vi.useRealTimers();
});

for (const { isolation, skipped, title } of await isolationsUnderTest()) {
  describe.skipIf(skipped)(`the clock jumps, isolation ${title}`, () => {
    test.each(jumps)(
      "%s: what runs goes on, and no sandbox is taken for a forgotten one",
      async (_, jumpMs) => {
        await withLocal(isolation, async ({ ready, backend, config }) => {
          const first = await ready();
          const { sandboxId } = first;
          await using lease = await first.keepAlive();
          const child = await first.spawn("echo before; sleep 1; echo after; exit 5");
          vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + jumpMs });

          expect((await first.exec("echo up", { timeoutMs: 30_000 })).stdout).toBe("up\n");
          expect(await child.wait()).toMatchObject({ exitCode: 5 });
          expect((await child.output()).bytes.toString()).toBe("before\nafter\n");
          expect((await first.status()).state).toBe("running");

          const { owner, directory } = config;
          await using provider = createProvider("local", { directory, isolation });
          expect(
            (await provider.sweep({ owner, dryRun: false, includeRunning: true })).deleted,
          ).toEqual([]);
          const [record] = await provider.list();
          // It was used just now, by the clock as it is.
          expect(Math.abs((record?.lastActivityAt?.getTime() ?? 0) - Date.now())).toBeLessThan(
            60_000,
          );

          const other = backend();
          await other.reconnect(sandboxId);
          expect((await other.exec("cat")).stdout).toBe("");
          expect(lease.sandboxId).toBe(sandboxId);
          await other.teardown();
        });
      },
    );
  });
}
