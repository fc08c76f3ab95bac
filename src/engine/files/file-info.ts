import { lstatSync, type Stats } from "node:fs";
import type { EngineFileInfo, EngineFileType } from "../engine-types.ts";
import { hasCode } from "./file-error.ts";
import type { OwnerMap } from "./path-walker.ts";

export function describeFile(
  name: Buffer,
  stats: Stats,
  owners: OwnerMap | undefined,
): EngineFileInfo {
  return {
    name: name.toString("utf8"),
    nameBytes: name,
    type: fileType(stats),
    sizeBytes: stats.size,
    mode: stats.mode & 0o7777,
    uid: owners?.toSandbox(stats.uid) ?? stats.uid,
    gid: owners?.toSandbox(stats.gid) ?? stats.gid,
    modifiedAt: stats.mtime,
  };
}

/** Undefined when the name went away while its directory was being read. */
export function statEntry(entry: Buffer): Stats | undefined {
  try {
    return lstatSync(entry);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

function fileType(stats: Stats): EngineFileType {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  if (stats.isSymbolicLink()) return "symlink";
  return "other";
}
