import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { DaytonaBackend, PreviewUrl } from "sandbox-backend";

const readyWithinMs = 30_000;

/** Puts the agent into a sandbox, starts it, and waits until it answers through its preview address. */
export async function startAgent(
  backend: DaytonaBackend,
  port: number,
  signal: AbortSignal,
): Promise<PreviewUrl> {
  const program = await readFile(join(import.meta.dirname, "agent.cjs"));
  const path = "/tmp/branch-agent.cjs";
  await backend.writeFile(path, program, { signal });
  const agent = await backend.spawn(["node", path], {
    env: { SANDBOX_AGENT_PORT: String(port) },
    signal,
  });
  // It goes on without anybody who reads what it prints.
  await agent.detach();
  const address = await backend.getPreviewUrl(port, { signal });
  const giveUpAtMs = performance.now() + readyWithinMs;
  for (;;) {
    const { url, headers } = address;
    const response = await fetch(url, { headers, redirect: "manual", signal });
    await response.body?.cancel();
    if (response.ok) return address;
    if (performance.now() > giveUpAtMs) throw new Error(`The agent answers ${response.status}.`);
    await delay(100, undefined, { signal });
  }
}
