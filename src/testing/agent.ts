import assert from "node:assert/strict";
import type { AgentConfig } from "../contract/agent.ts";
import type { AgentError } from "../contract/agent-errors.ts";
import type { Backend } from "../contract/backend.ts";
import type { Conformance } from "./conformance.ts";
import { callHttp, echoOverWebSocket } from "./http-client.ts";
import { eventually } from "./polling.ts";
import { findServerProgram, greeting } from "./preview-servers.ts";

const area = "agent";

/** A program in the sandbox that the host talks to. */
export function agentCases(conformance: Conformance): void {
  if (conformance.capabilities.ports === "none") {
    conformance.add(area, "starts an agent", async () => undefined, "there are no previews");
    return;
  }
  const agentOn = async (
    port: number,
    skip: (reason: string) => never,
  ): Promise<AgentConfig & { readonly port: number }> => {
    const program = await findServerProgram(await conformance.shared());
    if (program === undefined) return skip("the sandbox has none of node, python3, perl");
    return {
      port,
      source: Buffer.from(program.source),
      command: `exec ${program.interpreter} "$SANDBOX_AGENT_FILE" "$SANDBOX_AGENT_PORT"`,
    };
  };

  conformance.add(area, "starts an agent that answers, and starts it again", async (skip) => {
    const agent = await agentOn(4_313, skip);
    await conformance.withSandbox(
      async (backend) => {
        await assertAnswers(backend, conformance.patient(10_000));
        if (conformance.capabilities.previewWebSocket) {
          const { webSocketUrl = "", headers = {} } = backend.agent ?? {};
          const timeoutMs = conformance.patient(10_000);
          assert.equal(
            await echoOverWebSocket(webSocketUrl, "echo", { headers, timeoutMs }),
            "echo",
          );
        }
        const [running] = await agentsOf(backend);
        // By its ID alone it is found, and started again when it has ended.
        const other = await conformance.anotherClient(backend);
        assert.equal(other.agent?.port, agent.port);
        await assertAnswers(other, conformance.patient(10_000));
        assert.deepEqual(await agentsOf(other), [running]);
        await other[Symbol.asyncDispose]();
        await (await backend.attachProcess(running ?? "")).kill();
        await eventually("The agent has ended", conformance.patient(10_000), async () => {
          return (await agentsOf(backend)).length === 0;
        });
        const third = await conformance.anotherClient(backend);
        await assertAnswers(third, conformance.patient(10_000));
        assert.equal((await agentsOf(third)).length, 1);
        await third[Symbol.asyncDispose]();
      },
      { agent },
    );
  });

  conformance.add(area, "says why an agent ended, and leaves nothing", async () => {
    const secret = `secret-${crypto.randomUUID()}`;
    await conformance.leavesNothing(async () => {
      const backend = conformance.newBackend({
        agent: { port: 4_314, command: 'echo "first words"; echo "last $WORD" >&2; exit 23' },
        secrets: { WORD: secret },
      });
      const error = await conformance.rejects(backend.setup(), "SETUP_FAILED", {
        operation: "setup",
      });
      assert.equal(error.step, "agent");
      assert.equal((error.cause as { code?: unknown }).code, "AGENT_FAILED");
      const { exitCode, log } = error.cause as AgentError;
      assert.equal(exitCode, 23);
      assert.equal(log, "first words\nlast [redacted]");
      assert.ok(error.message.includes("last [redacted]"), error.message);
      conformance.release(backend);
    });
  });

  conformance.add(area, "has no address without an agent", async () => {
    const backend = await conformance.shared();
    assert.equal(backend.agent, undefined);
    await conformance.sendsNoRequest(() =>
      conformance.rejects(backend.getAgentAddress(), "SANDBOX_STATE", {
        operation: "getAgentAddress",
        sandboxId: backend.sandboxId,
      }),
    );
  });
}

async function assertAnswers(backend: Backend, timeoutMs: number): Promise<void> {
  const { url, headers } = await backend.getAgentAddress();
  const { status, text } = await callHttp(`${url}/x`, { headers, timeoutMs });
  assert.equal(status, 200);
  assert.equal(text, `${greeting}|GET|/x|`);
}

/** IDs of the running processes, of which the agent is the only one. */
async function agentsOf(backend: Backend): Promise<string[]> {
  const processes = await backend.listProcesses();
  return processes.filter(({ state }) => state === "running").map(({ id }) => id);
}
