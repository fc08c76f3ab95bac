import type { IncomingMessage, ServerResponse } from "node:http";
import { HttpListener, type Upgrade } from "../http/http-listener.ts";
import type { PreviewTarget } from "./preview-target.ts";

export type PreviewHandler = (
  target: PreviewTarget,
  request: IncomingMessage,
  response: ServerResponse,
  upgrade?: Upgrade,
) => Promise<void>;

// An origin holds a port of this machine, so those that nobody can use any more are closed from time to time.
const sweepAbove = 50;

/**
 * An origin for each preview: a loopback port that is opened when its URL is first asked for.
 *
 * The real server gives each preview a host name below one domain. `*.localhost` would do the same here, but neither
 * glibc nor Node resolves it everywhere, so a port makes the origin; the host names work as well, in browsers.
 */
export class PreviewOrigins {
  readonly #listeners = new Map<string, Promise<HttpListener>>();
  readonly #handle: PreviewHandler;
  readonly #isNeeded: (sandboxIdOrToken: string) => boolean;

  /** @param isNeeded - Whether the sandbox or the signed token may still be visited. */
  constructor(handle: PreviewHandler, isNeeded: (sandboxIdOrToken: string) => boolean) {
    this.#handle = handle;
    this.#isNeeded = isNeeded;
  }

  /** The URL of a preview; the same one for as long as the emulator runs. */
  async url(target: PreviewTarget): Promise<string> {
    const name = `${target.port}-${target.sandboxIdOrToken}`;
    let listener = this.#listeners.get(name);
    if (!listener) {
      if (this.#listeners.size >= sweepAbove) await this.#closeUnneeded();
      listener = HttpListener.open(0, (...exchange) => this.#handle(target, ...exchange));
      this.#listeners.set(name, listener);
    }
    return (await listener).origin;
  }

  async #closeUnneeded(): Promise<void> {
    for (const [name, listener] of this.#listeners) {
      if (this.#isNeeded(name.slice(name.indexOf("-") + 1))) continue;
      this.#listeners.delete(name);
      await (await listener).close();
    }
  }

  async close(): Promise<void> {
    const listeners = await Promise.all(this.#listeners.values());
    this.#listeners.clear();
    await Promise.all(listeners.map((listener) => listener.close()));
  }
}
