import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { AgentConfig } from "../../contract/agent.ts";
import { AgentError } from "../../contract/agent-errors.ts";
import { ConfigError } from "../../contract/provider-errors.ts";

/** The program of an agent as it is uploaded. */
export interface AgentProgram {
  /** Of the content: the same program is uploaded once. */
  readonly hash: string;
  readonly bytes: Uint8Array;
}

/** Reads or downloads the program of an agent; undefined when the image has it. */
export async function loadAgentProgram(
  source: AgentConfig["source"],
  signal: AbortSignal,
): Promise<AgentProgram | undefined> {
  if (source === undefined) return undefined;
  if (source instanceof Uint8Array) return programOf(source);
  if (source instanceof URL) return programOf(await download(source, signal));
  return programOf(await readProgram(source, signal));
}

function programOf(bytes: Uint8Array): AgentProgram {
  return { hash: createHash("sha256").update(bytes).digest("hex").slice(0, 32), bytes };
}

async function readProgram(path: string, signal: AbortSignal): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path, { signal });
  } catch (error) {
    signal.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(
      `\`agent.source\`: expected a file of this machine that can be read (${code ?? "unreadable"}).`,
      { path: "agent.source", cause: error },
    );
  }
  if (bytes.length > 0) return bytes;
  throw new ConfigError("`agent.source`: expected a file that is not empty.", {
    path: "agent.source",
  });
}

async function download(url: URL, signal: AbortSignal): Promise<Uint8Array> {
  const failed = (why: string, cause?: unknown): AgentError =>
    // Without its query, which may be a signature.
    new AgentError(
      `The agent's program could not be downloaded from ${url.origin}${url.pathname}: ${why}.`,
      { reason: "program-missing", retryable: true, cause },
    );
  let response: Response;
  let bytes: Uint8Array;
  try {
    response = await fetch(url, { signal });
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    signal.throwIfAborted();
    throw failed("the connection failed", error);
  }
  if (!response.ok) throw failed(`status ${response.status}`);
  if (bytes.length === 0) throw failed("it is empty");
  return bytes;
}
