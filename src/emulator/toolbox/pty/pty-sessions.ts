import type { ToolboxCall } from "../toolbox-call.ts";
import type { PtyRequest } from "./pty-request.ts";
import { PtySession } from "./pty-session.ts";

/** The PTYs that a daemon holds: in its memory alone, so they end with it. */
export class PtySessions {
  readonly #sessions = new Map<string, PtySession>();

  has(id: string): boolean {
    return this.#sessions.has(id);
  }

  find(id: string): PtySession | undefined {
    return this.#sessions.get(id);
  }

  list(): PtySession[] {
    return [...this.#sessions.values()];
  }

  /** The caller has made sure that the id is free. */
  add(call: ToolboxCall, request: PtyRequest): PtySession {
    this.#endWith(call.daemon.gone);
    const session = new PtySession(request);
    this.#sessions.set(session.id, session);
    return session;
  }

  /** Starts the shell. When it has ended, the session is there no more. */
  async start(call: ToolboxCall, session: PtySession): Promise<void> {
    await session.start(call, () => this.forget(session));
  }

  forget(session: PtySession): void {
    if (this.#sessions.get(session.id) === session) this.#sessions.delete(session.id);
  }

  readonly #hangUp = (): void => {
    for (const session of this.#sessions.values()) session.hangUp();
    this.#sessions.clear();
  };

  /** The same listener again is no second one. */
  #endWith(gone: AbortSignal): void {
    gone.addEventListener("abort", this.#hangUp, { once: true });
  }
}
