import assert from "node:assert/strict";
import type { Conformance } from "./conformance.ts";
import { callHttp, echoOverWebSocket } from "./http-client.ts";
import { eventually } from "./polling.ts";
import { greeting, startPreviewServer } from "./preview-servers.ts";

const area = "preview";
const noInterpreter = "the sandbox has neither node, python3, perl nor busybox to serve with";

/** A port of the sandbox, reached from outside. */
export function previewCases(conformance: Conformance): void {
  const { capabilities } = conformance;
  if (capabilities.ports === "none") {
    conformance.add(area, "is refused, as the capabilities say", async () => {
      const backend = await conformance.shared();
      await conformance.sendsNoRequest(async () => {
        const refused = backend.getPreviewUrl(3_000);
        await conformance.rejects(refused, "UNSUPPORTED_OPERATION", { operation: "getPreviewUrl" });
      });
    });
    return;
  }
  addressCases(conformance);

  conformance.add(
    area,
    "leads to a server in the sandbox, for every method and path",
    async (skip) => {
      const { backend, path } = await conformance.directory();
      const port = 4_311;
      const server = await startPreviewServer(backend, path, port);
      if (server === undefined) return skip(noInterpreter);
      try {
        const { url, headers } = await backend.getPreviewUrl(port);
        const timeoutMs = conformance.patient(10_000);
        await eventually(
          `The server (${server.interpreter})`,
          conformance.patient(20_000),
          async () => {
            const answer = await callHttp(url, { headers, timeoutMs });
            return answer.status === 200 && answer.text.startsWith(greeting);
          },
        );
        if (!server.webSocket) return;
        const deep = new URL(url);
        deep.pathname = `${deep.pathname.replace(/\/$/, "")}/deep/path%20x`;
        deep.searchParams.set("q", "1");
        const posted = await callHttp(deep.href, {
          method: "POST",
          headers: { ...headers, "content-type": "text/plain" },
          body: "the body",
          timeoutMs,
        });
        assert.match(
          posted.text,
          /^conformance server\|POST\|\/deep\/path%20x\?.*q=1.*\|the body$/,
        );
        const preview = await backend.getPreviewUrl(port);
        const fetched = await preview.fetch("/by/fetch?q=2", { method: "POST", body: "a body" });
        assert.equal(await fetched.text(), `${greeting}|POST|/by/fetch?q=2|a body`);
        // "As it is" in a browser: no header, and no redirect to a login.
        const bare = await callHttp(url, { timeoutMs });
        assert.equal(bare.status, 200);
      } finally {
        await server.stop();
      }
    },
  );

  conformance.add(
    area,
    "leads WebSockets to a server in the sandbox",
    async (skip) => {
      const { backend, path } = await conformance.directory();
      const port = 4_312;
      const server = await startPreviewServer(backend, path, port);
      if (server === undefined) return skip(noInterpreter);
      try {
        if (!server.webSocket) return skip(`${server.interpreter} serves no WebSockets`);
        const { webSocketUrl, headers } = await backend.getPreviewUrl(port);
        const timeoutMs = conformance.patient(5_000);
        const echoed = await eventually("An echo", conformance.patient(20_000), () =>
          // The server needs a moment to listen; the last failure shows as a missing echo.
          echoOverWebSocket(webSocketUrl, "é echo", { headers, timeoutMs }).catch(() => undefined),
        );
        assert.equal(echoed, "é echo");
        const preview = await backend.getPreviewUrl(port);
        const socket = await preview.connectWebSocket("/");
        const answer = new Promise((resolve, reject) => {
          socket.addEventListener("message", ({ data }) => resolve(data));
          socket.addEventListener("close", ({ code }) => reject(new Error(`closed with ${code}`)));
        });
        socket.send("é again");
        assert.equal(await answer, "é again");
        socket.close();
      } finally {
        await server.stop();
      }
    },
    capabilities.previewWebSocket ? undefined : "the capabilities say that there is none",
  );
}

function addressCases(conformance: Conformance): void {
  conformance.add(area, "gives addresses of its port, also where nothing listens", async () => {
    const backend = await conformance.shared();
    const minTtlMs = 7_200_000;
    const preview = await backend.getPreviewUrl(3_999, { minTtlMs });
    assert.equal(preview.port, 3_999);
    assert.match(preview.url, /^https?:\/\//);
    assert.match(preview.webSocketUrl, /^wss?:\/\//);
    assert.equal(new URL(preview.webSocketUrl).host, new URL(preview.url).host);
    for (const value of Object.values(preview.headers)) assert.equal(typeof value, "string");
    const { expiresAt } = preview;
    if (expiresAt !== undefined) {
      assert.ok(expiresAt.getTime() >= Date.now() + minTtlMs - 60_000, `${expiresAt}`);
    }
  });

  conformance.add(area, "refuses ports and times that cannot be", async () => {
    const backend = await conformance.shared();
    await conformance.sendsNoRequest(async () => {
      for (const port of [0, -1, 65_536, 1.5, Number.NaN, "80" as never]) {
        const error = await conformance.rejects(backend.getPreviewUrl(port), "CONFIG_INVALID", {
          operation: "getPreviewUrl",
        });
        assert.equal(error.path, "port");
      }
      for (const minTtlMs of [0, -1, 1.5]) {
        const refused = backend.getPreviewUrl(3_000, { minTtlMs });
        const error = await conformance.rejects(refused, "CONFIG_INVALID", {
          operation: "getPreviewUrl",
        });
        assert.equal(error.path, "minTtlMs");
      }
    });
  });
}
