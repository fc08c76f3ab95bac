import type { EngineFileInfo } from "../../engine/engine-types.ts";
import { badFileRequest, fileError } from "./file-error.ts";
import { daemonPath, type ToolboxCall } from "./toolbox-call.ts";

/** The query's path; 400 when it is missing. */
export function requiredPath(call: ToolboxCall, name = "path"): string {
  const path = call.query.get(name);
  if (!path) throw badFileRequest(`${name} is required`);
  return path;
}

/** Octal digits of a `mode` parameter; undefined when it was not given. */
export function octalMode(text: string | null): number | undefined {
  if (!text) return undefined;
  if (!/^[0-7]+$/.test(text)) throw badFileRequest("invalid mode format");
  return Number.parseInt(text, 8);
}

/** The file's facts; the daemon's answer to a failed stat is thrown. */
export async function statFile(call: ToolboxCall, path: string): Promise<EngineFileInfo> {
  try {
    return await call.engine.files.stat(daemonPath(call.engine, path), { followSymlinks: true });
  } catch (error) {
    throw fileError("stat", path, error);
  }
}
