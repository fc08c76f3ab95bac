import type { Command } from "./command.ts";
import type { PreviewUrl } from "./preview.ts";

/** How it is found out that the agent is ready. */
export interface AgentHealthConfig {
  /** Path that is asked through the preview address; any status from 200 to 299 means ready. Default: `/`. */
  readonly path?: string | undefined;
  /** Milliseconds from the agent's start until it must have answered. Default: 60 000. */
  readonly timeoutMs?: number | undefined;
}

/** A program of yours that runs in the sandbox and that your host app talks to over HTTP or WebSocket. */
export interface AgentConfig {
  /** Port that it listens on, on all addresses. Default: 7 422. */
  readonly port?: number | undefined;
  /**
   * The program: the path of a file of the host, its bytes, or an `http:` or `https:` URL that the host downloads. It is uploaded
   * once for each content and is executable. Without it `command` starts something that the image has.
   */
  readonly source?: string | Uint8Array | URL | undefined;
  /**
   * What starts it, in `workDir`. `$SANDBOX_AGENT_FILE` is the path of the uploaded program and `$SANDBOX_AGENT_PORT` the port.
   * Default: the uploaded program itself. Stored in the sandbox, so nothing secret belongs here.
   */
  readonly command?: Command | undefined;
  /** Arguments of the uploaded program when there is no `command`. Stored in the sandbox. */
  readonly args?: readonly string[] | undefined;
  /** Added to the environment of the sandbox. Stored in the sandbox, so nothing secret belongs here: see `secrets`. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly health?: AgentHealthConfig | undefined;
}

/**
 * Where the agent is reached: `url` and `webSocketUrl`, with `headers` on each request; or by its own `fetch` and `connectWebSocket`,
 * which renew an address that has ended.
 */
export interface AgentAddress extends PreviewUrl {}
