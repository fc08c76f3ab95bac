import type { Pty } from "../contract/pty.ts";
import { eventually } from "./polling.ts";

/** Somebody who looks at a terminal. */
export interface TerminalWatch {
  /** All that it has shown so far. */
  readonly text: string;
  /** Resolves when it shows nothing more; rejects with what its output failed with. */
  readonly ended: Promise<void>;
  /** Resolves when it has shown a text; rejects when that takes longer. */
  shows(text: string, limitMs: number): Promise<void>;
}

export function watchTerminal(pty: Pty): TerminalWatch {
  let text = "";
  const look = async (): Promise<void> => {
    for await (const part of pty.text()) text += part;
  };
  const ended = look();
  // For cases that do not wait for it.
  ended.catch(() => undefined);
  return {
    get text() {
      return text;
    },
    ended,
    async shows(wanted, limitMs) {
      const what = (): string => `${wanted} on the terminal, which shows ${JSON.stringify(text)}`;
      await eventually(wanted, limitMs, async () => text.includes(wanted)).catch(() => {
        throw new Error(`Expected ${what()}`);
      });
    },
  };
}
