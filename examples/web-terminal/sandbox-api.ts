import type { Context } from "hono";
import { type Backend, FileAccessError, FileNotFoundError } from "sandbox-backend";
import type { BranchAnswer, FailureAnswer, FilesAnswer, StatusAnswer } from "./protocol.ts";

const branchTimeoutMs = 15_000;

export interface Sandbox {
  readonly backend: Backend;
  /** The text that it is shown by. */
  readonly name: string;
  /** Where it runs, in words. */
  readonly provider: string;
}

/** What the page asks about the sandbox beside its terminal. Nothing is remembered: each answer is the sandbox's own. */
export class SandboxApi {
  readonly #sandbox: Sandbox;

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  async status(context: Context): Promise<Response> {
    const { backend, name, provider } = this.#sandbox;
    const { state, id, message } = await backend.status({ signal: context.req.raw.signal });
    const { workDir } = backend;
    const answer: StatusAnswer = { name, provider, workDir, sandboxId: id, state, message };
    return context.json(answer);
  }

  async branch(context: Context): Promise<Response> {
    const { stdout, exitCode } = await this.#sandbox.backend.exec(
      ["git", "rev-parse", "--abbrev-ref", "HEAD"],
      { check: false, timeoutMs: branchTimeoutMs },
    );
    const answer: BranchAnswer = { branch: exitCode === 0 ? stdout.trim() : undefined };
    return context.json(answer);
  }

  /** The entries of one directory, directories first. */
  async files(context: Context): Promise<Response> {
    const path = context.req.query("path");
    if (path === undefined || !path.startsWith("/")) {
      const failure: FailureAnswer = { message: "Name an absolute path." };
      return context.json(failure, 400);
    }
    try {
      const entries = await this.#sandbox.backend.listFiles(path, {
        signal: context.req.raw.signal,
      });
      const answer: FilesAnswer = {
        entries: entries
          .map(({ name, path, type, size, modifiedAt }) => {
            return { name, path, type, size, modifiedAtMs: modifiedAt.getTime() };
          })
          .sort((a, b) => rank(a.type) - rank(b.type) || a.name.localeCompare(b.name)),
      };
      return context.json(answer);
    } catch (error) {
      if (!(error instanceof FileNotFoundError || error instanceof FileAccessError)) throw error;
      const failure: FailureAnswer = { message: error.message };
      return context.json(failure, 404);
    }
  }
}

function rank(type: string): number {
  return type === "directory" ? 0 : 1;
}
