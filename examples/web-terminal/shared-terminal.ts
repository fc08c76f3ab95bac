import { randomBytes } from "node:crypto";
import { type Backend, ProcessNotFoundError, type Pty } from "sandbox-backend";
import type { TerminalSize } from "./protocol.ts";
import type { StateFile } from "./state-file.ts";

/** Milliseconds between two notes of how much was shown. */
const noteMs = 1_000;

/** A window that shows the terminal. */
export interface Viewer {
  /** How much fits into it. */
  readonly windowSize: TerminalSize;
  /** Told when the terminal has another size, or another window leads. */
  onSize(size: TerminalSize, isLeading: boolean): void;
  /** Told when there is a new terminal in the ended one's place. */
  onNewTerminal(): void;
}

/**
 * The one terminal that all windows show. Each window reads it for itself, with an attachment of its own, so a slow one holds up
 * nobody; what they share is the size, which the window that was used last gives.
 */
export class SharedTerminal {
  readonly #backend: Backend;
  readonly #file: StateFile;
  readonly #viewers = new Set<Viewer>();
  #id: string;
  /** Undefined until somebody has attached to it. */
  #size: TerminalSize | undefined;
  /** The size that was asked for last; the terminal may not have it yet. */
  #wantedSize: TerminalSize | undefined;
  #leader: Viewer | undefined;
  #isMade: boolean;
  #shownBytes: number;
  #note: NodeJS.Timeout | undefined;
  #renewal: Promise<void> | undefined;

  constructor(backend: Backend, file: StateFile) {
    this.#backend = backend;
    this.#file = file;
    const known = file.state.terminal;
    this.#id = known?.id ?? newId();
    this.#isMade = known?.isMade === true;
    this.#shownBytes = known?.shownBytes ?? 0;
  }

  get id(): string {
    return this.#id;
  }

  /** Bytes of the output that some window has had, also before the server was started. */
  get shownBytes(): number {
    return this.#shownBytes;
  }

  join(viewer: Viewer): void {
    this.#viewers.add(viewer);
  }

  /** Where the leading window is closed, the next one leads, and the size stays until that one is used. */
  leave(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    if (this.#leader !== viewer) return;
    const [next] = this.#viewers;
    if (next === undefined) this.#leader = undefined;
    else this.#announce(next, this.#size ?? next.windowSize);
  }

  /**
   * Attaches a window. One in which the user works, or the only one, gives the size.
   *
   * @returns the attachment, and the offset that it begins at: another than was asked for when the terminal is another one.
   */
  async attach(
    viewer: Viewer,
    wanted: {
      readonly id: string | undefined;
      readonly offset: number;
      readonly isActive: boolean;
    },
    signal: AbortSignal,
  ): Promise<{ readonly pty: Pty; readonly id: string; readonly offset: number }> {
    await this.#renewal?.catch(() => undefined);
    const size =
      wanted.isActive || this.#leader === undefined || this.#size === undefined
        ? viewer.windowSize
        : this.#size;
    const id = this.#id;
    const offset = wanted.id === id ? wanted.offset : 0;
    try {
      const options = { ...size, id, replayFrom: offset, signal };
      // The ID is on disk before there is a terminal of it, so that none is forgotten.
      if (!this.#isMade) await this.#noteNow(id, false);
      const pty = await this.#backend.attachPty({ ...options, create: !this.#isMade });
      if (!this.#isMade) await this.#noteNow(id, true);
      this.#wantedSize = size;
      // A window that was closed meanwhile leads nothing.
      if (!this.#viewers.has(viewer)) return { pty, id, offset };
      if (wanted.isActive || this.#leader === undefined) this.#announce(viewer, size);
      else viewer.onSize(size, false);
      return { pty, id, offset };
    } catch (error) {
      if (!(error instanceof ProcessNotFoundError)) throw error;
      // Its record was removed, a day after its end.
      await this.renew(id);
      return this.attach(viewer, { ...wanted, id: undefined }, signal);
    }
  }

  /** The user works in this window now. */
  async lead(viewer: Viewer, pty: Pty): Promise<void> {
    const size = viewer.windowSize;
    if (this.#leader !== viewer) this.#announce(viewer, this.#size ?? size);
    if (isSame(size, this.#wantedSize)) return;
    this.#wantedSize = size;
    try {
      await pty.resize(size.rows, size.cols);
    } catch (error) {
      if (isSame(size, this.#wantedSize)) this.#wantedSize = undefined;
      throw error;
    }
    // Of several the last one counts.
    if (this.#leader === viewer && isSame(size, this.#wantedSize)) this.#announce(viewer, size);
  }

  isLeading(viewer: Viewer): boolean {
    return this.#leader === viewer;
  }

  /** A window has had all bytes before this one. */
  shown(id: string, offset: number): void {
    if (id !== this.#id || offset <= this.#shownBytes) return;
    this.#shownBytes = offset;
    this.#note ??= setTimeout(() => {
      this.#note = undefined;
      // It only decides who answers a program's question after a restart.
      this.#noteNow(this.#id, this.#isMade).catch(() => undefined);
    }, noteMs).unref();
  }

  /** A new terminal in the place of one that has ended; when two windows ask for it, they get the same. */
  async renew(endedId: string): Promise<void> {
    if (endedId !== this.#id) return this.#renewal;
    this.#renewal ??= this.#startAnew().finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  async close(): Promise<void> {
    clearTimeout(this.#note);
    if (this.#isMade) await this.#noteNow(this.#id, true);
  }

  async #startAnew(): Promise<void> {
    // The sandbox may have been stopped meanwhile, by its idle time.
    await this.#backend.start();
    this.#id = newId();
    this.#isMade = false;
    this.#shownBytes = 0;
    for (const viewer of this.#viewers) viewer.onNewTerminal();
  }

  async #noteNow(id: string, isMade: boolean): Promise<void> {
    if (id !== this.#id) return;
    this.#isMade = isMade;
    await this.#file.change({ terminal: { id, isMade, shownBytes: this.#shownBytes } });
  }

  #announce(leader: Viewer, size: TerminalSize): void {
    this.#leader = leader;
    this.#size = size;
    for (const viewer of this.#viewers) viewer.onSize(size, viewer === leader);
  }
}

function isSame(size: TerminalSize, other: TerminalSize | undefined): boolean {
  return size.rows === other?.rows && size.cols === other.cols;
}

function newId(): string {
  return `web${randomBytes(8).toString("hex")}`;
}
