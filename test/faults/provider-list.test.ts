import { describe, test } from "vitest";
import {
  createProvider,
  type DaytonaConfig,
  type DaytonaProvider,
  SandboxStateError,
} from "../../src/index.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { rejection } from "../helpers/rejection.ts";

describe.concurrent.each(serverProfiles)("a provider's sandboxes on %s", (profile) => {
  const withEmulator = emulatorsOfFile();

  const providerOf = ({ apiKey, apiUrl }: DaytonaConfig): DaytonaProvider =>
    createProvider("daytona", { apiKey, apiUrl });

  test("list finds the owner's by labels, and what it lacks is found by ID all the same", async ({
    expect,
  }) => {
    await withEmulator(expect, { profile }, async ({ config, ready, fault, emulator }) => {
      await using provider = providerOf(config);
      const backend = await ready({ labels: { branch: "main" } });
      const { owner } = config;
      const [listed, ...more] = await provider.list({ owner });
      expect(more).toEqual([]);
      expect(listed).toMatchObject({
        id: backend.sandboxId,
        owner,
        configName: config.name,
        name: backend.ref?.name,
        state: "running",
        labels: { branch: "main" },
        leasedUntil: undefined,
      });
      expect(listed?.createdAt).toBeInstanceOf(Date);
      expect(listed?.lastActivityAt).toBeInstanceOf(Date);
      expect(await provider.list({ owner, labels: { branch: "main" } })).toHaveLength(1);
      expect(await provider.list({ owner, labels: { branch: "other" } })).toEqual([]);
      expect(await provider.list({ owner: `${owner}-2` })).toEqual([]);
      expect((await provider.list()).map(({ id }) => id)).toContain(backend.sandboxId);

      if (coversEverything(profile)) {
        const unlisted = fault({}, { type: "unlisted" });
        expect(await provider.list({ owner })).toEqual([]);
        unlisted.remove();
        // What is listed and gone: a ghost.
        const vanished = fault({ sandboxId: backend.sandboxId }, { type: "vanish" });
        expect(await provider.list({ owner, confirm: true })).toEqual([]);
        vanished.remove();
      }
      expect(emulator.requests.count({ method: "GET", path: "/sandbox" })).toBeGreaterThan(0);

      // Of another owner, and without one, only by force.
      const facts = {
        code: "SANDBOX_STATE",
        operation: "destroy",
        sandboxId: backend.sandboxId,
      } as const;
      const others = provider.destroy(backend.sandboxId, { owner: "another" });
      await rejection(expect, others, SandboxStateError, facts);
      const nobodys = provider.destroy(backend.sandboxId);
      await rejection(expect, nobodys, SandboxStateError, facts);
      expect((await backend.status()).state).toBe("running");
      await provider.destroy(backend.sandboxId, { owner });
      expect((await backend.status()).state).toBe("deleted");
      // Gone is what was asked for.
      await provider.destroy(backend.sandboxId, { owner });
    });
  });
});
