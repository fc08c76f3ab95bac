import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, test } from "vitest";
import { AgentError, ConfigError, SetupError, type SetupEvent } from "../../src/index.ts";
import { callHttp, echoOverWebSocket } from "../../src/testing/http-client.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { rejection, shownForms } from "../helpers/rejection.ts";
import { until } from "../helpers/until.ts";

const withEmulator = emulatorsOfFile();
const source = join(import.meta.dirname, "../fixtures/agent/agent.cjs");
const token = "token with 'quotes', a $dollar\nand a second line of it";
const secrets = { AGENT_TOKEN: token };
const health = { path: "/health" };
/** The network is the machine's, so each agent has a port of its own. */
let nextPort = 21_000 + (process.pid % 5_000);

interface Said {
  readonly pid: number;
  readonly cwd: string;
  readonly mode: string;
  readonly variable?: string;
  readonly tokenHash: string;
}

interface Reachable {
  readonly agent: { url: string; headers: Readonly<Record<string, string>> } | undefined;
}

async function ask(backend: Reachable, path = "/"): Promise<Said> {
  const { url, headers } = backend.agent ?? { url: "", headers: {} };
  const { status, text } = await callHttp(`${url}${path}`, { headers, timeoutMs: 10_000 });
  if (status !== 200) throw new Error(`status ${status}`);
  return JSON.parse(text) as Said;
}

const tokenHash = createHash("sha256").update(token).digest("hex");

describe.for(serverProfiles.filter(coversEverything))("server profile %s", (profile) => {
  test.concurrent("an agent from its start to its death and back", async ({ expect }) => {
    await withEmulator(expect, { profile }, async (fixture) => {
      const { emulator, backend } = fixture;
      const agent = {
        source,
        port: nextPort++,
        health,
        command: 'exec node "$SANDBOX_AGENT_FILE" given',
        env: { AGENT_VARIABLE: "it's set" },
      };
      const first = backend({ agent, secrets });
      await first.setup();
      const id = first.sandboxId ?? "";
      const said = await ask(first);
      expect(said).toMatchObject({ mode: "given", variable: "it's set", tokenHash });
      expect(said.cwd).toBe(first.workDir);
      const { webSocketUrl, headers = {}, port } = first.agent ?? {};
      expect(port).toBe(agent.port);
      expect(
        await echoOverWebSocket(webSocketUrl ?? "", "to and fro", { headers, timeoutMs: 10_000 }),
      ).toBe("to and fro");
      const [process] = await first.listProcesses();
      expect(process).toMatchObject({ state: "running", startedBy: "spawn" });

      // By its ID alone, while it runs: nothing is started and nothing uploaded.
      const uploads = () => emulator.requests.count({ sandboxId: id, path: /bulk-upload$/ });
      const uploadsBefore = uploads();
      const second = backend();
      await second.reconnect(id);
      expect((await ask(second)).pid).toBe(said.pid);
      // A valid address is not asked for again; one that ends sooner than it is needed for is.
      const known = second.agent;
      expect(await second.getAgentAddress({ minTtlMs: 1_000 })).toBe(known);
      const renewed = await second.getAgentAddress({ minTtlMs: 86_400_000 });
      expect(renewed).not.toBe(known);
      expect(second.agent).toBe(renewed);

      // It dies; the next client starts it again from what the sandbox has.
      await callHttp(`${second.agent?.url}/exit`, { headers, timeoutMs: 10_000 });
      await until(async () => (await first.listProcesses())[0]?.state === "exited");
      const third = backend();
      await third.reconnect(id);
      const again = await ask(third);
      expect(again).toMatchObject({ mode: "given", tokenHash });
      expect(again.pid).not.toBe(said.pid);
      expect(uploads()).toBe(uploadsBefore);

      // A stop takes the secrets, unless they are in the machine's memory. Without them it is not started; who has them starts it.
      await third.stop();
      const without = backend();
      if (fixture.hasNamespaces) {
        const error = await rejection(expect, without.reconnect(id), AgentError, {
          code: "AGENT_FAILED",
          operation: "reconnect",
        });
        expect(error).toMatchObject({ reason: "secrets-missing", missingSecrets: ["AGENT_TOKEN"] });
        expect(without.agent).toBeUndefined();
        await without.reconnect(id, { agent: "leave" });
        expect((await without.exec('echo "${AGENT_TOKEN-none}"')).stdout).toBe("none\n");
      }
      await first.start();
      expect(await ask(first)).toMatchObject({ tokenHash });

      // Another program takes its place under the same name.
      const other = backend({
        agent: { source, port: agent.port, health, args: ["new"] },
        secrets,
      });
      await other.setup();
      expect(other.sandboxId).toBe(id);
      expect(await ask(other)).toMatchObject({ mode: "new", tokenHash });
      const running = (await other.listProcesses()).filter(({ state }) => state === "running");
      expect(running).toHaveLength(1);
      await other.teardown();
    });
  });

  test.concurrent("an agent that ends at once says why, and shows no secret", async ({
    expect,
  }) => {
    await withEmulator(expect, { profile }, async ({ backend, sandboxes }) => {
      const events: SetupEvent[] = [];
      const failing = backend({
        agent: { source, port: nextPort++, args: ["fail"], health },
        secrets,
      });
      const error = await rejection(
        expect,
        failing.setup({ onEvent: (event) => events.push(event) }),
        SetupError,
        { code: "SETUP_FAILED", operation: "setup" },
      );
      expect(error).toMatchObject({ step: "agent", leaked: [] });
      expect(error.cause).toBeInstanceOf(AgentError);
      expect(error.cause).toMatchObject({ reason: "exited", exitCode: 23 });
      expect((error.cause as AgentError).log).toContain("cannot go on with");
      expect(error.message).toContain("exit code 23");
      expect(events.at(-1)).toMatchObject({ type: "step-failed", step: "agent" });
      for (const line of token.split("\n")) expect(shownForms([error, events])).not.toContain(line);
      expect(sandboxes()).toEqual([]);
    });
  });

  test
    .runIf(isLongRun)
    .concurrent("an agent that is never ready is given up in its time", async ({ expect }) => {
      await withEmulator(expect, { profile }, async ({ backend, sandboxes }) => {
        const port = nextPort++;
        const failing = backend({
          agent: { source, port, args: ["sick"], health: { ...health, timeoutMs: 1_500 } },
        });
        const error = await rejection(expect, failing.setup(), SetupError, {
          code: "SETUP_FAILED",
          operation: "setup",
          retryable: true,
        });
        expect(error).toMatchObject({ step: "agent", leaked: [] });
        expect(error.cause).toMatchObject({ reason: "no-answer", exitCode: undefined });
        expect((error.cause as AgentError).log).toContain(`agent listens on ${port}`);
        expect(sandboxes()).toEqual([]);
      });
    });

  test
    .runIf(isLongRun)
    .concurrent("what answers in its place is not taken for the agent", async ({ expect }) => {
      await withEmulator(expect, { profile }, async ({ backend }) => {
        const port = nextPort++;
        const owner = backend({ agent: { source, port, health, args: ["first"] } });
        await owner.setup();
        // The port is taken by a program that is not the sandbox's agent as far as its record goes.
        await owner.exec("rm ~/.sandbox-backend/run/agent.json");
        const other = backend({ agent: { source, port, health, args: ["second"] } });
        const error = await rejection(expect, other.setup(), SetupError, {
          code: "SETUP_FAILED",
          operation: "setup",
        });
        expect(error.cause).toMatchObject({ reason: "exited", exitCode: 1 });
        expect((error.cause as AgentError).log).toContain("EADDRINUSE");
        // It was adopted, so the failure did not delete it.
        expect(await ask(owner)).toMatchObject({ mode: "first" });
        await owner.teardown();
      });
    });

  test.concurrent("a program that cannot be had is told before, or instead of, an agent", async ({
    expect,
  }) => {
    await withEmulator(expect, { profile }, async ({ backend, creations, sandboxes }) => {
      const none = backend({ agent: { source: "/no/such/program" } });
      const config = await rejection(expect, none.setup(), ConfigError, {
        code: "CONFIG_INVALID",
        operation: "setup",
      });
      expect(config.path).toBe("agent.source");
      expect(creations()).toBe(0);

      const bytes = await readFile(source);
      await using server = await serve((path) => (path === "/agent" ? bytes : undefined));
      const missing = backend({
        agent: { source: new URL(`${server.url}/gone?signature=s3cr3t`) },
      });
      const error = await rejection(expect, missing.setup(), SetupError, {
        code: "SETUP_FAILED",
        operation: "setup",
      });
      expect(error.cause).toMatchObject({ reason: "program-missing" });
      expect(error.message).toContain("status 404");
      expect(shownForms(error)).not.toContain("s3cr3t");
      expect(sandboxes()).toEqual([]);

      const downloaded = backend({
        agent: { source: new URL(`${server.url}/agent`), port: 7_423 },
      });
      await downloaded.setup();
      expect(downloaded.agent?.port).toBe(7_423);
      expect(await ask(downloaded)).toMatchObject({ mode: "serve" });
      await downloaded.teardown();
    });
  });
});

async function serve(
  content: (path: string) => Uint8Array | undefined,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    const body = content(request.url ?? "");
    response.writeHead(body === undefined ? 404 : 200, { connection: "close" }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
