import { vi } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { patiently } from "./patiently.ts";
import { ToolboxSocketClient } from "./toolbox-socket.ts";

export const exitControl = "X-Daytona-Pty-Exit-Control";

/** A PTY as a plain WebSocket shows it. */
export class PtyClient {
  readonly raw: ToolboxSocketClient;

  private constructor(raw: ToolboxSocketClient) {
    this.raw = raw;
  }

  static async open(
    emulator: DaytonaEmulator,
    sandboxId: string,
    path: string,
    protocols: readonly string[] = [exitControl],
  ): Promise<PtyClient> {
    return new PtyClient(
      await ToolboxSocketClient.open(emulator, sandboxId, `/process/pty${path}`, { protocols }),
    );
  }

  /** The bytes of all binary frames, one character each. */
  get output(): string {
    return Buffer.concat(this.raw.frames.filter(isBinary).map(({ data }) => data)).toString(
      "latin1",
    );
  }

  /** The control messages: all text frames. */
  get messages(): unknown[] {
    return this.raw.frames
      .filter((frame) => !isBinary(frame))
      .map(({ data }) => JSON.parse(data.toString()) as unknown);
  }

  type(input: string | Buffer): void {
    this.raw.socket.send(Buffer.from(input));
  }

  async shows(expected: string | RegExp): Promise<void> {
    await vi.waitFor(() => {
      const found =
        typeof expected === "string" ? this.output.includes(expected) : expected.test(this.output);
      if (!found) throw new Error(`It shows ${JSON.stringify(this.output.slice(-2000))}`);
    }, patiently);
  }

  async says(count: number): Promise<void> {
    await vi.waitFor(() => {
      if (this.messages.length < count) throw new Error(`It says ${JSON.stringify(this.messages)}`);
    }, patiently);
  }
}

function isBinary({ isBinary }: { readonly isBinary: boolean }): boolean {
  return isBinary;
}
