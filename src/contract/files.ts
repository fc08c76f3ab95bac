import type { CallOptions } from "./call-options.ts";

export type FileType = "file" | "directory" | "symlink" | "other";

export interface FileInfo {
  /** Base name. Bytes that are not UTF-8 show as U+FFFD; such a name can be listed and not be used. */
  readonly name: string;
  /** Absolute path in the sandbox. */
  readonly path: string;
  readonly type: FileType;
  readonly isDir: boolean;
  /** Bytes. */
  readonly size: number;
  /** Permission bits, such as 0o644. */
  readonly mode: number;
  /** To the second. */
  readonly modifiedAt: Date;
}

/** A string is written as UTF-8. */
export type FileContent =
  | string
  | Uint8Array
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

export interface ReadFileOptions extends CallOptions {
  /** `utf8` gives a string and rejects with {@link FileAccessError} when the bytes are not UTF-8. */
  readonly encoding?: "utf8" | undefined;
  /** Rejects with {@link OutputLimitError} when the file is larger. Default: 512 MiB. */
  readonly maxBytes?: number | undefined;
}

export interface WriteFileOptions extends CallOptions {
  /** Permission bits of the file. Default: those of the file that is replaced, else 0o644. */
  readonly mode?: number | undefined;
}

export interface FileToWrite {
  readonly path: string;
  readonly content: FileContent;
  readonly mode?: number | undefined;
}

export interface ListFilesOptions extends CallOptions {
  /** How many levels: 1 lists the directory itself. Default: 1. */
  readonly depth?: number | undefined;
}

export interface RemoveOptions extends CallOptions {
  /** Removes a directory with what is in it. Default: false. */
  readonly recursive?: boolean | undefined;
  /** Resolves also when nothing is there. Default: false. */
  readonly force?: boolean | undefined;
}

export interface UploadDirectoryOptions extends CallOptions {
  /**
   * Tells whether an entry is left out, by its path relative to the directory, with `/` between its parts; a directory that
   * is left out takes everything in it along. Default: nothing is left out.
   */
  readonly ignore?: ((path: string) => boolean) | undefined;
}
