import { createServer } from "node:net";
import { expect, test } from "vitest";
import { PreviewError, SandboxStateError } from "../../../src/index.ts";
import { namespacesUnderTest } from "../../engine/isolations.ts";
import { startPreviewApp } from "../../helpers/preview-app.ts";
import { rejection } from "../../helpers/rejection.ts";
import { withLocal } from "./local-fixture.ts";

const { isolation, skipped, title } = await namespacesUnderTest();
const port = 4_613;

test.skipIf(skipped)(`a sandbox without a way out has previews, isolation ${title}`, async () => {
  await withLocal(isolation, async ({ ready, backend }) => {
    // The same port of this machine, which is another network's.
    const stranger = createServer((socket) => socket.end("of this machine"));
    await new Promise<void>((resolve) => stranger.listen(port, "127.0.0.1", resolve));
    try {
      const closed = await ready({ network: { blockAll: true } });
      const outside = await closed.exec(
        `perl -MIO::Socket::INET -e 'print IO::Socket::INET->new("192.0.2.1:80") ? "reached" : $!'`,
      );
      expect(outside.stdout).toBe("Network is unreachable");

      const preview = await closed.getPreviewUrl(port);
      expect(preview.port).toBe(port);
      await rejection(expect, preview.fetch("/"), PreviewError, {
        code: "PREVIEW_FAILED",
        operation: "fetch",
      });
      await startPreviewApp(closed, port);
      expect(await (await preview.fetch("/here")).json()).toMatchObject({ url: "/here" });
      const socket = await preview.connectWebSocket("/socket");
      const echoed = new Promise((resolve) => {
        socket.addEventListener("message", ({ data }) => resolve(data));
      });
      socket.send("hello");
      expect(await echoed).toBe("hello");
      socket.close();

      // Whoever reconnects has an address of its own, without a word of it in the config.
      const same = backend({ name: undefined, owner: undefined });
      await same.reconnect(closed.sandboxId);
      const other = await same.getPreviewUrl(port);
      expect(other.url).not.toBe(preview.url);
      expect((await other.fetch("/here")).status).toBe(200);
      await same[Symbol.asyncDispose]();
      await expect(fetch(other.url)).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });

      await closed.stop();
      await rejection(expect, preview.fetch("/here"), SandboxStateError, {
        code: "SANDBOX_STATE",
        operation: "fetch",
      });
      await closed.teardown();
    } finally {
      await new Promise((resolve) => stranger.close(resolve));
    }
  });
});
