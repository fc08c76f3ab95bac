import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import type { TerminalSize } from "../protocol.ts";

const theme = {
  background: "#14181e",
  foreground: "#d5dbe3",
  cursor: "#8fb8de",
  cursorAccent: "#14181e",
  selectionBackground: "#34506b",
  scrollbarSliderBackground: "#8a95a333",
  scrollbarSliderHoverBackground: "#8a95a355",
  scrollbarSliderActiveBackground: "#8a95a377",
  black: "#2a323d",
  red: "#dd8a8a",
  green: "#8cc29a",
  yellow: "#d9b876",
  blue: "#8fb8de",
  magenta: "#c3a1d8",
  cyan: "#86c5c5",
  white: "#d5dbe3",
  brightBlack: "#66717f",
  brightRed: "#eba5a5",
  brightGreen: "#a8d6b3",
  brightYellow: "#e8cf9a",
  brightBlue: "#b0d0ee",
  brightMagenta: "#d6bce6",
  brightCyan: "#a6dada",
  brightWhite: "#f2f5f8",
};

/** Bytes above which a report of what is drawn is due. */
const reportBytes = 64 * 1024;

/** What xterm.js draws, with the place of each byte in the terminal's output. */
export class TerminalView {
  readonly #terminal: Terminal;
  readonly #fit = new FitAddon();
  readonly #onDrawn: (offset: number) => void;
  /** Offset of the byte that is to come next. */
  #offset = 0;
  #drawnOffset = 0;
  #reportedOffset = 0;
  #replayUntil = 0;
  /** Counts the terminals that were shown: what is drawn of an earlier one counts no more. */
  #generation = 0;
  #mayAnswer = true;

  constructor(
    parent: HTMLElement,
    handlers: {
      readonly onInput: (bytes: Uint8Array<ArrayBuffer>) => void;
      readonly onDrawn: (offset: number) => void;
      readonly onTitle: (title: string) => void;
    },
  ) {
    this.#onDrawn = handlers.onDrawn;
    this.#terminal = new Terminal({
      theme,
      fontFamily: 'ui-monospace, "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace',
      fontSize: 13,
      lineHeight: 1.25,
      scrollback: 10_000,
      cursorBlink: true,
      macOptionIsMeta: true,
    });
    this.#terminal.loadAddon(this.#fit);
    this.#terminal.open(parent);
    const encoder = new TextEncoder();
    this.#terminal.onData((text) => handlers.onInput(encoder.encode(text)));
    this.#terminal.onBinary((text) =>
      handlers.onInput(Uint8Array.from(text, (character) => character.charCodeAt(0))),
    );
    this.#terminal.onTitleChange(handlers.onTitle);
    this.#answerOnce();
  }

  get offset(): number {
    return this.#offset;
  }

  /** How many characters fit into the window. */
  get windowSize(): TerminalSize {
    const { rows, cols } = this.#fit.proposeDimensions() ?? this.#terminal;
    return { rows: Math.max(2, rows || 24), cols: Math.max(2, cols || 80) };
  }

  get size(): TerminalSize {
    return { rows: this.#terminal.rows, cols: this.#terminal.cols };
  }

  focus(): void {
    this.#terminal.focus();
  }

  /** Several windows show one terminal, and only one may answer what its programs ask. */
  setSize({ rows, cols }: TerminalSize, isLeading: boolean): void {
    this.#mayAnswer = isLeading;
    if (rows !== this.#terminal.rows || cols !== this.#terminal.cols) {
      this.#terminal.resize(cols, rows);
    }
  }

  setInputAllowed(isAllowed: boolean): void {
    this.#terminal.options.disableStdin = !isAllowed;
    this.#terminal.options.cursorBlink = isAllowed;
  }

  /** The next bytes begin at an offset; another one than was to come means another terminal. */
  startAt(offset: number, replayUntil: number): void {
    this.#replayUntil = replayUntil;
    if (offset === this.#offset) return;
    this.#generation += 1;
    // A reset that comes in its turn: what was written before it may not be drawn yet.
    this.#terminal.write("\x18\x1bc");
    this.#offset = offset;
    this.#drawnOffset = offset;
    this.#reportedOffset = offset;
  }

  write(bytes: Uint8Array): void {
    // So that each piece is either replay or not.
    const replayed = Math.max(0, this.#replayUntil - this.#offset);
    this.#writePiece(bytes.subarray(0, replayed));
    this.#writePiece(bytes.subarray(replayed));
  }

  #writePiece(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#offset += bytes.length;
    const offset = this.#offset;
    const generation = this.#generation;
    this.#terminal.write(bytes, () => {
      if (generation !== this.#generation) return;
      this.#drawnOffset = offset;
      if (offset - this.#reportedOffset < reportBytes && offset < this.#offset) return;
      this.#reportedOffset = offset;
      this.#onDrawn(offset);
    });
  }

  /**
   * Programs ask a terminal for its cursor, its colours, its kind. Such a question has had its answer when it is replayed; a second
   * one would be typed into whatever runs now.
   */
  #answerOnce(): void {
    const { parser } = this.#terminal;
    const isSilent = (): boolean => !this.#mayAnswer || this.#drawnOffset < this.#replayUntil;
    for (const prefix of ["", "?", ">", "="]) {
      const mark = prefix === "" ? {} : { prefix };
      for (const final of ["c", "n"]) parser.registerCsiHandler({ ...mark, final }, isSilent);
      parser.registerCsiHandler({ ...mark, intermediates: "$", final: "p" }, isSilent);
    }
    parser.registerCsiHandler({ final: "t" }, isSilent);
    parser.registerDcsHandler({ intermediates: "$", final: "q" }, isSilent);
    for (const colours of [4, 10, 11, 12]) {
      parser.registerOscHandler(colours, (data) => data.includes("?") && isSilent());
    }
  }
}
