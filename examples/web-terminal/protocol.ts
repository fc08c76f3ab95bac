/**
 * What the page and the server say to each other over one WebSocket. Text frames are these messages as JSON. Binary frames are
 * bytes of the terminal: to the page what it shows, to the server what is typed.
 */

/** A size in characters. */
export interface TerminalSize {
  readonly rows: number;
  readonly cols: number;
}

export type PageMessage =
  /** The first message: show me the terminal, from the byte that I need next. */
  | ({
      readonly type: "attach";
      /** The terminal that the page shows; undefined when it shows none yet. */
      readonly terminalId: string | undefined;
      readonly offset: number;
      /** Whether this is the window that the user works in. */
      readonly isActive: boolean;
    } & TerminalSize)
  /** How much fits into this window, in which the user works now. */
  | ({ readonly type: "size" } & TerminalSize)
  /** The page has drawn everything before this byte, so more may come. */
  | { readonly type: "drawn"; readonly offset: number }
  /** The terminal of that ID has ended; a new one is wanted. */
  | { readonly type: "new-terminal"; readonly endedId: string };

export type ServerMessage =
  /** The bytes that follow begin at `offset`. */
  | {
      readonly type: "attached";
      readonly terminalId: string;
      readonly offset: number;
      /** What lies before this byte was shown to somebody before: questions of programs in it have had their answer. */
      readonly replayUntil: number;
    }
  /** The terminal's size, which one of the windows gives. That one also answers what programs ask the terminal. */
  | ({ readonly type: "size"; readonly isLeading: boolean } & TerminalSize)
  | {
      readonly type: "ended";
      readonly terminalId: string;
      readonly exitCode: number;
      readonly signal: string | undefined;
    }
  /** There is nothing more to see, and nobody can know how the program ended. */
  | { readonly type: "lost"; readonly terminalId: string; readonly message: string }
  /** Something that the user should know, such as input that may not have arrived. */
  | { readonly type: "notice"; readonly message: string }
  /** Nothing else was to be said for a while. */
  | { readonly type: "heartbeat" };

/** Answer of `api/status`. */
export interface StatusAnswer {
  readonly name: string;
  readonly provider: string;
  readonly workDir: string;
  readonly sandboxId: string | undefined;
  readonly state: string;
  readonly message: string | undefined;
}

/** Answer of `api/branch`: undefined when the working directory is no git repository. */
export interface BranchAnswer {
  readonly branch: string | undefined;
}

export interface FileEntry {
  readonly name: string;
  readonly path: string;
  readonly type: "file" | "directory" | "symlink" | "other";
  /** Bytes. */
  readonly size: number;
  readonly modifiedAtMs: number;
}

/** Answer of `api/files`. */
export interface FilesAnswer {
  readonly entries: readonly FileEntry[];
}

/** Answer of every route of the API that fails. */
export interface FailureAnswer {
  readonly message: string;
}
