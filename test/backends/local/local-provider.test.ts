import { access, readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createProvider, PreviewError, SandboxStateError } from "../../../src/index.ts";
import { isolationsUnderTest } from "../../engine/isolations.ts";
import { startPreviewApp } from "../../helpers/preview-app.ts";
import { withLocal } from "./local-fixture.ts";

for (const { isolation, skipped, title } of await isolationsUnderTest()) {
  describe.skipIf(skipped)(`the local provider, isolation ${title}`, () => {
    test("list, lease, sweep and destroy know this machine's sandboxes", async () => {
      await withLocal(isolation, async ({ config, ready }) => {
        const { owner, directory } = config;
        await using provider = createProvider("local", { directory, isolation });
        const first = await ready({ labels: { kind: "held" } });
        const second = await ready({ name: "second" });
        const listed = await provider.list({ owner, confirm: true });
        expect(listed.map(({ id }) => id)).toEqual([first.sandboxId, second.sandboxId]);
        expect(listed[0]).toMatchObject({
          owner,
          configName: config.name,
          state: "running",
          labels: { kind: "held" },
          leasedUntil: undefined,
        });
        expect(listed[0]?.createdAt?.getTime()).toBeLessThanOrEqual(Date.now());
        expect(listed[0]?.lastActivityAt?.getTime()).toBeLessThanOrEqual(Date.now());

        await using lease = await first.keepAlive();
        expect((await provider.list({ labels: { kind: "held" } }))[0]?.leasedUntil).toBeInstanceOf(
          Date,
        );
        await second.stop();
        const reasons = async (options: object) => {
          const { skipped, selected } = await provider.sweep({ owner, ...options });
          return [selected.length, ...skipped.map(({ reason }) => reason).sort()];
        };
        expect(await reasons({})).toEqual([0, "leased", "recently-used"]);
        // As if nobody had used it for two days: the age is the time of a file.
        const used = join(directory, isolation, "activity", second.sandboxId);
        const twoDaysAgo = new Date(Date.now() - 2 * 86_400_000);
        await utimes(used, twoDaysAgo, twoDaysAgo);
        expect(await reasons({ includeRunning: true })).toEqual([1, "leased"]);
        const swept = await provider.sweep({ owner, dryRun: false });
        expect(swept.deleted.map(({ id }) => id)).toEqual([second.sandboxId]);
        expect(swept.deleted[0]?.lastActivityAt).toEqual(twoDaysAgo);
        await expect(access(used)).rejects.toMatchObject({ code: "ENOENT" });

        const strangers = provider.destroy(first.sandboxId, { owner: "another" });
        await expect(strangers).rejects.toBeInstanceOf(SandboxStateError);
        await lease.release();
        await provider.destroy(first.sandboxId, { owner });
        expect(await provider.list()).toEqual([]);
        expect(await readdir(join(directory, isolation, "activity"))).toEqual([]);
      });
    });

    test("doctor looks at this machine, and previews lead to it", async () => {
      await withLocal(isolation, async ({ config: { directory }, ready }) => {
        await using provider = createProvider("local", { directory, isolation });
        const report = await provider.doctor({ probeSandbox: true });
        expect(report.checks.filter(({ status }) => status !== "ok")).toEqual([]);
        expect(report.checks.map(({ name }) => name)).toEqual([
          "platform",
          "directory",
          "isolation",
          "limits",
          "programs",
          "sandbox",
          "command",
          "sandbox-preview",
          "clean-up",
        ]);
        expect(await provider.list()).toEqual([]);

        const backend = await ready();
        const port = isolation === "none" ? 4_611 : 4_612;
        const preview = await backend.getPreviewUrl(port);
        await expect(preview.fetch("/")).rejects.toBeInstanceOf(PreviewError);
        await expect(preview.connectWebSocket("/")).rejects.toBeInstanceOf(PreviewError);
        await startPreviewApp(backend, port);
        expect(await (await preview.fetch("/here")).json()).toMatchObject({ url: "/here" });
        await expect(preview.fetch("/elsewhere")).rejects.toBeInstanceOf(PreviewError);
        const socket = await preview.connectWebSocket("/socket");
        const echoed = new Promise((resolve) => {
          socket.addEventListener("message", ({ data }) => resolve(data));
        });
        socket.send("hello");
        expect(await echoed).toBe("hello");
        socket.close();
        await backend.teardown();
      });
    });
  });
}

test("doctor says why a folder cannot hold sandboxes", async () => {
  await using provider = createProvider("local", {
    directory: join(import.meta.filename, "below"),
  });
  const { ok, checks } = await provider.doctor();
  expect(ok).toBe(false);
  expect(checks.find(({ name }) => name === "directory")).toMatchObject({
    status: "failed",
    advice: expect.stringContaining("`directory`"),
  });
  expect(checks.find(({ name }) => name === "isolation")?.status).toBe("skipped");
});
