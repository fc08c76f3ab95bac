import type { PtyHandle } from "@daytonaio/sdk";
import { vi } from "vitest";
import { patiently } from "./patiently.ts";

export interface WatchedPty {
  readonly handle: PtyHandle;
  readonly shows: (expected: string | RegExp) => Promise<void>;
  readonly text: () => string;
}

/** A PTY through the official SDK, with all that it has shown. */
export async function watchPty(
  open: (onData: (data: Uint8Array) => void) => Promise<PtyHandle>,
): Promise<WatchedPty> {
  let text = "";
  const handle = await open((data) => {
    text += Buffer.from(data).toString("latin1");
  });
  const shows = (expected: string | RegExp) =>
    vi.waitFor(() => {
      const found = typeof expected === "string" ? text.includes(expected) : expected.test(text);
      if (!found) throw new Error(`It shows ${JSON.stringify(text.slice(-2000))}`);
    }, patiently);
  return { handle, shows, text: () => text };
}
