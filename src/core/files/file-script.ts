import { randomBytes } from "node:crypto";
import {
  FileAccessError,
  type FileAccessReason,
  FileNotFoundError,
} from "../../contract/file-errors.ts";
import { ProtocolError } from "../../contract/provider-errors.ts";
import type { SandboxError } from "../../contract/sandbox-error.ts";
import { shellQuote } from "../shell-quote.ts";
import type { SandboxChannel, TransportCall } from "../transport.ts";

/** What a script about files printed. */
export interface FileScriptAnswer {
  /** Exit status of the script's body. */
  readonly status: number;
  /** What the body printed on both streams. */
  readonly output: string;
  /** Marks lines of the body that a file name cannot imitate. */
  readonly nonce: string;
}

/** Where the nonce stands in a body. */
export const nonceVariable = "$SANDBOX_BACKEND_NONCE";

/**
 * Runs a short script with arguments in the image's `sh`, whatever shell reads it first. Messages come in the C locale,
 * where coreutils and busybox both end theirs with the system's own words for the error.
 */
export async function runFileScript(
  channel: SandboxChannel,
  body: string,
  words: readonly string[],
  call: TransportCall,
): Promise<FileScriptAnswer> {
  const nonce = randomBytes(12).toString("hex");
  const script = `LC_ALL=C SANDBOX_BACKEND_NONCE=${nonce} /bin/sh -c ${shellQuote(`(\n${body}\n) 2>&1\nprintf '\\n%s %s\\n' "${nonceVariable}" "$?"`)} sh ${words.map(shellQuote).join(" ")} </dev/null`;
  const output = await channel.runScript(script, call);
  const end = output.lastIndexOf(`\n${nonce} `);
  if (end === -1) {
    throw new ProtocolError("A script about files was cut off: its answer has no end.", {
      retryable: true,
    });
  }
  return {
    status: Number.parseInt(output.slice(end + nonce.length + 2), 10),
    output: output.slice(0, end),
    nonce,
  };
}

const reasons: readonly (readonly [RegExp, FileAccessReason])[] = [
  [/permission denied|operation not permitted|read-only file system/i, "permission-denied"],
  [/not a directory/i, "not-a-directory"],
  [/is a directory/i, "is-directory"],
  [/directory not empty/i, "not-empty"],
  [/file exists/i, "already-exists"],
  [/no space left|disk quota exceeded/i, "no-space"],
];

const sentences: Readonly<Record<FileAccessReason, string>> = {
  "permission-denied": "permission denied",
  "is-directory": "it is a directory",
  "not-a-directory": "a part of the path is not a directory",
  "already-exists": "something is there already",
  "not-empty": "the directory is not empty",
  "no-space": "no space is left in the sandbox",
  "not-utf8": "its bytes are not UTF-8",
  other: "the file could not be used",
};

/** The typed error for what a tool said about a path. */
export function fileError(
  path: string,
  output: string,
  options: { cause?: unknown } = {},
): SandboxError {
  if (/no such file or directory/i.test(output)) return fileNotFound(path);
  const reason = reasons.find(([pattern]) => pattern.test(output))?.[1] ?? "other";
  return fileAccessError(path, reason, output, options);
}

export function fileNotFound(path: string): FileNotFoundError {
  return new FileNotFoundError(`${JSON.stringify(path)} does not exist in the sandbox.`, { path });
}

export function fileAccessError(
  path: string,
  reason: FileAccessReason,
  detail = "",
  options: { cause?: unknown } = {},
): FileAccessError {
  const said =
    reason === "other" && detail.trim() !== "" ? ` (${detail.trim().slice(0, 300)})` : "";
  return new FileAccessError(
    `${JSON.stringify(path)} in the sandbox: ${sentences[reason]}${said}.`,
    { path, reason, ...options },
  );
}
