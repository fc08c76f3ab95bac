import { posix } from "node:path";
import { buffer } from "node:stream/consumers";
import type { EngineSandbox } from "../../../engine/engine-types.ts";
import { errorCode } from "../go-text.ts";

/** Where the daemon keeps the files of a session. It never reads those of an earlier run. */
export function sessionDirectory({ homeDirectory }: EngineSandbox, sessionId: string): string {
  return posix.join(homeDirectory, ".daytona", "sessions", sessionId);
}

/** Bytes of a file from an offset on, at most so many; undefined when the file is missing. */
export async function readIfPresent(
  { files }: EngineSandbox,
  path: string,
  start = 0,
  end = Number.MAX_SAFE_INTEGER,
): Promise<Buffer | undefined> {
  try {
    const { stream } = await files.read(path, { start, end });
    return await buffer(stream);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
