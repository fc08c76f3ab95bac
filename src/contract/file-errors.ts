import { SandboxError, type SandboxErrorOptions } from "./sandbox-error.ts";

/** Nothing is at that path. */
export class FileNotFoundError extends SandboxError {
  override readonly name = "FileNotFoundError";
  readonly code = "FILE_NOT_FOUND";
  readonly path: string;

  constructor(message: string, options: SandboxErrorOptions & { readonly path: string }) {
    super(message, options);
    this.path = options.path;
  }
}

/** Why a file could not be used. */
export type FileAccessReason =
  | "permission-denied"
  | "is-directory"
  | "not-a-directory"
  | "already-exists"
  | "not-empty"
  | "no-space"
  | "not-utf8"
  | "other";

/** Something is at that path, or its place, and it cannot be used in this way. */
export class FileAccessError extends SandboxError {
  override readonly name = "FileAccessError";
  readonly code = "FILE_ACCESS";
  readonly path: string;
  readonly reason: FileAccessReason;

  constructor(
    message: string,
    options: SandboxErrorOptions & { readonly path: string; readonly reason: FileAccessReason },
  ) {
    super(message, options);
    this.path = options.path;
    this.reason = options.reason;
  }
}

/** What went wrong with git. */
export type GitErrorKind =
  | "authentication-failed"
  | "repository-not-found"
  | "commit-not-found"
  | "unreachable"
  | "other-origin"
  | "directory-not-empty"
  | "git-missing"
  | "failed";

/** A git step failed. `stderr` is what git said, without secrets. */
export class GitError extends SandboxError {
  override readonly name = "GitError";
  readonly code = "GIT_FAILED";
  readonly kind: GitErrorKind;
  readonly stderr: string;

  constructor(
    message: string,
    options: SandboxErrorOptions & { readonly kind: GitErrorKind; readonly stderr: string },
  ) {
    super(message, options);
    this.kind = options.kind;
    this.stderr = options.stderr;
  }
}
