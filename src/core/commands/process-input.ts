import { randomBytes } from "node:crypto";
import { FileAccessError } from "../../contract/file-errors.ts";
import { SandboxStateError } from "../../contract/lifecycle-errors.ts";
import { Turns } from "../turns.ts";
import type { CommandContext } from "./command-context.ts";
import { partPath } from "./input-script.ts";
import type { PlacedInput } from "./process-answers.ts";
import { inlineInput } from "./sandbox-records.ts";

/** Bytes of a piece: large enough that few requests carry much, small enough for one request's time. */
const pieceBytes = 1024 * 1024;

/** Text up to this many bytes travels in the script, which may become eleven times as long and still be one argument. */
const largestInlineBytes = 8 * 1024;

const endPiece = "eof";

/** Standard input of one process, in pieces that each arrive once and in order. */
export class ProcessInput {
  readonly #context: CommandContext;
  readonly #record: string;
  readonly #untilFed: boolean;
  #next = 0;
  /** Pieces that are on their way at the same time would have no order. */
  readonly #turns = new Turns();

  /** @param options - `untilFed`: a write waits until the process's own input has it, and not only the sandbox. Default: false. */
  constructor(
    context: CommandContext,
    record: string,
    options: { readonly untilFed?: boolean } = {},
  ) {
    this.#context = context;
    this.#record = record;
    this.#untilFed = options.untilFed ?? false;
  }

  /** Resolves when the sandbox has all of it. */
  async write(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#turns.take(signal, async () => {
      for (let start = 0; start < bytes.length; start += pieceBytes) {
        await this.#place(bytes.subarray(start, start + pieceBytes), signal);
      }
    });
  }

  /** The end of a process is the end of its input, too. */
  async close(signal: AbortSignal): Promise<void> {
    await this.#turns.take(signal, () => this.#placePiece(endPiece, "", signal));
  }

  async #place(piece: Uint8Array, signal: AbortSignal): Promise<void> {
    const name = randomBytes(9).toString("hex");
    const text = piece.length <= largestInlineBytes ? inlineInput(piece) : undefined;
    if (text === undefined) {
      const { requests, questions } = this.#context;
      const folder = await requests.askUntilAnswered(questions.prepare(), signal);
      await requests.uploadUntilDone(partPath(folder, this.#record, name), piece, signal);
    }
    await this.#placePiece(name, text, signal);
  }

  async #placePiece(name: string, text: string | undefined, signal: AbortSignal): Promise<void> {
    const { requests, questions } = this.#context;
    for (;;) {
      const untilFed = this.#untilFed;
      const piece = { record: this.#record, name, from: this.#next, text, untilFed };
      const placed = await requests.askUntilAnswered(questions.input(piece), signal);
      if (placed.kind === "full" || placed.kind === "unfed") continue;
      if (placed.kind === "ended" && name === endPiece) return;
      this.#next = this.#positionAfter(placed);
      return;
    }
  }

  #positionAfter(placed: Exclude<PlacedInput, { readonly kind: "full" | "unfed" }>): number {
    const { sandboxId } = this.#context;
    switch (placed.kind) {
      case "placed":
        return placed.position + 1;
      case "closed":
        throw new SandboxStateError("The standard input of the process was closed.", { sandboxId });
      case "ended":
        throw new SandboxStateError("The process has ended and reads nothing any more.", {
          sandboxId,
        });
      case "gone":
        throw new SandboxStateError("The sandbox has no record of the process any more.", {
          sandboxId,
        });
      case "no-input":
        throw new SandboxStateError(
          'The process was started without an input to write to. Start it with `stdin: "open"`.',
          { sandboxId },
        );
      case "not-written":
        throw new FileAccessError(
          `The input could not be written to the sandbox. ${placed.message}`.trim(),
          { sandboxId, path: "~/.sandbox-backend/run", reason: "other" },
        );
    }
  }
}
