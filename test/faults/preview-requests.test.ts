import { inspect } from "node:util";
import { describe, test } from "vitest";
import {
  ConfigError,
  PreviewError,
  type PreviewSocket,
  SandboxNotFoundError,
  SandboxStateError,
} from "../../src/index.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { startPreviewApp } from "../helpers/preview-app.ts";
import { rejection } from "../helpers/rejection.ts";

/** Requests over a preview address: F11 and F19. */
const withEmulator = emulatorsOfFile();
const failed = { code: "PREVIEW_FAILED", operation: "fetch" } as const;

function echo(socket: PreviewSocket, text: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    socket.addEventListener("message", ({ data }) => resolve(data));
    socket.addEventListener("close", ({ code }) => reject(new Error(`closed with ${code}`)));
    socket.send(text);
  });
}

describe.for(serverProfiles.filter(coversEverything))("server profile %s", (profile) => {
  test.concurrent("requests reach the app, and nothing else", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, fault }) => {
      const backend = await ready();
      const { sandboxId } = backend;
      const port = 4_511;
      const preview = await backend.getPreviewUrl(port);
      await rejection(expect, preview.fetch("/"), PreviewError, { ...failed, retryable: true });
      await startPreviewApp(backend, port);

      const posted = await preview.fetch("/a?b=1", {
        method: "POST",
        body: "text",
        headers: { "X-Custom": "yes" },
      });
      expect(await posted.json()).toMatchObject({
        method: "POST",
        url: "/a?b=1",
        body: "text",
        custom: "yes",
      });
      const moved = await preview.fetch("/moved", { method: "POST", body: "gone" });
      expect(await moved.json()).toMatchObject({ method: "GET", url: "/seen", body: "" });
      const denied = await preview.fetch("/denied");
      expect([denied.status, await denied.text()]).toEqual([401, "the app's own"]);

      const elsewhere = await rejection(expect, preview.fetch("/elsewhere"), PreviewError, failed);
      expect(elsewhere.message).toContain("elsewhere.invalid");
      const manual = await preview.fetch("/elsewhere", { redirect: "manual" });
      expect(manual.headers.get("location")).toBe("http://elsewhere.invalid/login");
      await rejection(expect, preview.fetch("/loop"), PreviewError, failed);
      await rejection(expect, preview.fetch("/moved", { redirect: "error" }), PreviewError, failed);
      const page = preview.fetch("/page", { headers: { Accept: "application/json" } });
      expect((await rejection(expect, page, PreviewError, failed)).message).toContain("JSON");
      expect(await (await preview.fetch("/page")).text()).toBe("<html></html>");
      for (const path of ["seen", "//elsewhere.invalid/", "http://elsewhere.invalid/", ""]) {
        const wrong = { code: "CONFIG_INVALID", operation: "fetch" } as const;
        await rejection(expect, preview.fetch(path), ConfigError, wrong);
      }

      // An address that has ended is renewed, by itself and once.
      const login = {
        type: "respond",
        status: 307,
        headers: { location: "https://login.invalid/" },
      } as const;
      const ended = fault({ surface: "preview", sandboxId }, login, { times: 1 });
      const before = preview.url;
      expect(await (await preview.fetch("/after")).json()).toMatchObject({ url: "/after" });
      expect(ended.hits).toBe(1);
      expect(preview.url).not.toBe(before);
      // What is copied has all of it; what is only looked at shows no credential.
      expect(JSON.parse(JSON.stringify(preview))).toMatchObject({ url: preview.url, port });
      const copy = { ...preview };
      expect(copy).toMatchObject({ url: preview.url, port, expiresAt: preview.expiresAt });
      expect(await (await copy.fetch("/copy")).json()).toMatchObject({ url: "/copy" });
      expect(inspect(preview, { depth: 9, showHidden: true })).not.toContain(
        new URL(preview.url).host,
      );

      // One that must not be sent twice is its caller's to repeat: who redirected, nobody knows.
      const lost = fault({ surface: "preview", sandboxId }, login, { times: 1 });
      const post = () => preview.fetch("/posted", { method: "POST", body: "once" });
      await rejection(expect, post(), PreviewError, { ...failed, retryable: true });
      expect(await (await post()).json()).toMatchObject({ posts: 3 });
      expect(lost.hits).toBe(1);
      // What a renewed address does not open either is no address that has ended.
      const closed = fault({ surface: "preview", sandboxId }, login);
      await rejection(expect, preview.fetch("/closed"), PreviewError, failed);
      expect(closed.hits).toBe(2);
      closed.remove();

      const stale = { statusCode: 400, message: "bad request: 404 Not Found" };
      const stumble = { type: "respond", status: 400, body: stale } as const;
      const once = fault({ surface: "preview", sandboxId }, stumble, { times: 1 });
      expect((await preview.fetch("/again")).status).toBe(200);
      expect(once.hits).toBe(1);

      const closedOnce = fault({ surface: "preview", sandboxId }, login, { times: 1 });
      const socket = await preview.connectWebSocket("/socket");
      expect(closedOnce.hits).toBe(1);
      expect(await echo(socket, "hello")).toBe("hello");
      socket.close();
      const refused = preview.connectWebSocket("/no-socket");
      const facts = { code: "PREVIEW_FAILED", operation: "connectWebSocket" } as const;
      expect((await rejection(expect, refused, PreviewError, facts)).message).toContain("403");

      await backend.stop();
      const state = { code: "SANDBOX_STATE", operation: "fetch", sandboxId } as const;
      await rejection(expect, preview.fetch("/"), SandboxStateError, state);
      await backend.start();
      await startPreviewApp(backend, port);
      expect((await preview.fetch("/restarted")).status).toBe(200);
      await backend.teardown();
      const gone = { code: "SANDBOX_NOT_FOUND", operation: "fetch" } as const;
      await rejection(expect, preview.fetch("/"), SandboxNotFoundError, gone);
    });
  });
});
