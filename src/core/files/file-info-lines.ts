import { posix } from "node:path";
import type { FileInfo, FileType } from "../../contract/files.ts";
import { nonceVariable } from "./file-script.ts";

/** Arguments of `stat` (coreutils and busybox alike): raw mode in hexadecimal, bytes, seconds, name. */
export const statFormat = `"${nonceVariable} %f %s %Y %n"`;

/** The records that `stat` printed; each begins with the nonce, so a name may hold line breaks. */
export function parseFileInfos(
  output: string,
  nonce: string,
  pathOf: (printedName: string) => string,
): FileInfo[] {
  // Each record ends with a line break of `stat`'s own; a name may end with one more.
  const whole = output.endsWith("\n") ? output.slice(0, -1) : output;
  const records = `\n${whole}`.split(`\n${nonce} `).slice(1);
  return records.map((record) => parseFileInfo(record, pathOf));
}

function parseFileInfo(record: string, pathOf: (printedName: string) => string): FileInfo {
  const [rawMode = "", size = "", seconds = "", ...nameParts] = record.split(" ");
  const mode = Number.parseInt(rawMode, 16);
  const path = pathOf(nameParts.join(" "));
  const type = fileType(mode);
  return {
    name: posix.basename(path),
    path,
    type,
    isDir: type === "directory",
    size: Number(size),
    mode: mode & 0o7777,
    modifiedAt: new Date(Number(seconds) * 1000),
  };
}

/** The S_IFMT bits of POSIX. */
function fileType(mode: number): FileType {
  switch (mode & 0o170000) {
    case 0o100000:
      return "file";
    case 0o040000:
      return "directory";
    case 0o120000:
      return "symlink";
    default:
      return "other";
  }
}
