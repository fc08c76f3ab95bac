import { DaemonError } from "../../http/daemon-error.ts";
import type { ToolboxCall } from "../toolbox-call.ts";
import { giveCommand } from "./give-command.ts";
import { Session } from "./session.ts";
import { SessionCommand } from "./session-command.ts";

export const entrypointSessionId = "entrypoint";
export const entrypointCommandId = "entrypoint_command";

// Daytona v0.190 images and API: what a sandbox runs when its image names no entrypoint.
const defaultEntrypoint = ["sleep", "infinity"];

/** A request to the daemon, or the daemon itself at its start. */
export type SessionSurroundings = Pick<ToolboxCall, "entry" | "engine" | "daemon">;

/** The sessions that a daemon holds. */
export class Sessions {
  readonly #sessions = new Map<string, Session>();
  readonly #starting = new Set<string>();
  #entrypoint: Promise<Session> | undefined;

  async create(call: SessionSurroundings, id: string): Promise<Session> {
    if (this.#sessions.has(id) || this.#starting.has(id)) {
      const message = "conflict: session already exists";
      throw new DaemonError({ status: 409, code: "CONFLICT", message });
    }
    this.#starting.add(id);
    try {
      const session = await Session.start(call, id);
      this.#sessions.set(id, session);
      return session;
    } finally {
      this.#starting.delete(id);
    }
  }

  /** Those of clients. */
  list(): Session[] {
    return [...this.#sessions.values()].filter(({ id }) => id !== entrypointSessionId);
  }

  find(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  /** @throws DaemonError 404 when there is none. */
  async get(call: SessionSurroundings, id: string): Promise<Session> {
    if (id === entrypointSessionId) return this.#entrypointSession(call);
    const session = this.#sessions.get(id);
    if (!session) throw notFound("session not found");
    return session;
  }

  async delete(session: Session): Promise<void> {
    await session.delete();
    this.#sessions.delete(session.id);
  }

  /** The real daemon starts it with itself; here one that only sleeps is started when it is first asked for. */
  async #entrypointSession(call: SessionSurroundings): Promise<Session> {
    if (call.entry.runsEntrypointItself) throw notFound("session not found");
    this.#entrypoint ??= this.#startEntrypoint(call).catch((error: unknown) => {
      this.#entrypoint = undefined;
      throw error;
    });
    return this.#entrypoint;
  }

  async #startEntrypoint(call: SessionSurroundings): Promise<Session> {
    const session = await this.create(call, entrypointSessionId);
    const command = new SessionCommand(session.directory, {
      id: entrypointCommandId,
      text: quoteWords(call.entry.record.entrypoint ?? defaultEntrypoint),
      suppressInputEcho: true,
      inputEndsAfterFirst: false,
    });
    await giveCommand(call.engine, session, command, { input: "open", reportsExitCode: true });
    return session;
  }
}

/** One command line of words (Daytona v0.190 daemon, `ShellQuoteJoin`). */
function quoteWords(words: readonly string[]): string {
  const quote = (word: string) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
  return words.map(quote).join(" ");
}

/** @throws DaemonError 404 when the session has no such command. */
export function commandOf(session: Session, commandId: string): SessionCommand {
  const command = session.commands.get(commandId);
  if (!command) throw notFound("command not found");
  return command;
}

export function notFound(what: string): DaemonError {
  return new DaemonError({
    status: 404,
    code: "PROCESS_NOT_FOUND",
    olderCode: "NOT_FOUND",
    message: `not found: ${what}`,
  });
}
