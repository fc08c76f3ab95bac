import { hasSubscribers } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { CancellableRequests } from "../../../../src/backends/daytona/cancellable-requests.ts";

const channel = "http.client.request.start";

async function silentServer() {
  const server = createServer(() => undefined).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    /** Settles when the request does, whoever ends it. */
    request: (): Promise<never> =>
      new Promise((_resolve, reject) => get({ port, agent: false }).once("error", reject)),
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

test("an abort closes the requests of its call, and not those of another connection", async () => {
  await using server = await silentServer();
  const first = new CancellableRequests();
  const second = new CancellableRequests();
  const controller = new AbortController();
  const endings: string[] = [];
  const watched = (name: string) => () =>
    server.request().catch((error: unknown) => {
      endings.push(name);
      throw error;
    });
  const aborted = first.run(controller.signal, watched("aborted"));
  const other = second.run(AbortSignal.timeout(10_000), watched("other"));
  controller.abort(new Error("enough"));
  await expect(aborted).rejects.toThrow("enough");
  await expect.poll(() => endings).toEqual(["aborted"]);

  first.close();
  first.close();
  expect(endings).toEqual(["aborted"]);
  second.close();
  await expect(other).rejects.toThrow();
  expect(endings).toEqual(["aborted", "other"]);
});

test("nothing listens to the process's requests when all connections are closed", () => {
  const before = hasSubscribers(channel);
  const connections = Array.from({ length: 3 }, () => new CancellableRequests());
  expect(hasSubscribers(channel)).toBe(true);
  for (const connection of connections) connection.close();
  expect(hasSubscribers(channel)).toBe(before);
});
