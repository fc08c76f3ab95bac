import type { LocalPty } from "./local-pty.ts";

/** The PTYs that this process holds, by sandbox. */
export class OpenPtys {
  readonly #bySandbox = new Map<string, Set<LocalPty>>();

  add(sandboxId: string, pty: LocalPty): void {
    const ptys = this.#bySandbox.get(sandboxId) ?? new Set();
    this.#bySandbox.set(sandboxId, ptys);
    ptys.add(pty);
    const forget = (): void => {
      ptys.delete(pty);
      if (ptys.size === 0 && this.#bySandbox.get(sandboxId) === ptys) {
        this.#bySandbox.delete(sandboxId);
      }
    };
    pty.exited.then(forget, forget);
  }

  /** Interactive shells do not mind SIGTERM; the end of their terminal they do. */
  hangUp(sandboxId: string): void {
    for (const pty of this.#bySandbox.get(sandboxId) ?? []) pty.close();
  }

  release(): void {
    for (const ptys of this.#bySandbox.values()) for (const pty of ptys) pty.release();
  }
}
