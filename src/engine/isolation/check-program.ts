import { posix } from "node:path";
import { type FileErrorCode, fileError, hasCode } from "../files/file-error.ts";
import { type FileTree, resolvePath } from "../files/path-walker.ts";
import type { ProgramToSpawn } from "./confinement.ts";

const EXECUTABLE = 0o111;

/**
 * Rejects as Node does when the sandbox has no such program, with ENOENT or EACCES, so that nobody mistakes it for a program
 * that ended with 127.
 */
export async function checkProgram(
  tree: FileTree,
  { argv, cwd }: ProgramToSpawn,
  searchPath: string,
): Promise<void> {
  const name = argv[0] ?? "";
  const candidates = name.includes("/")
    ? [posix.resolve(cwd, name)]
    : searchPath.split(":").map((directory) => posix.resolve(cwd, directory, name));
  let code: FileErrorCode = "ENOENT";
  for (const path of candidates) {
    const found = await lookAt(tree, path);
    if (found === "executable") return;
    if (found === "forbidden") code = "EACCES";
  }
  throw fileError(code, `spawn ${name}`, name);
}

async function lookAt(
  tree: FileTree,
  path: string,
): Promise<"executable" | "forbidden" | "missing"> {
  try {
    return await resolvePath(tree, path, "stat", { followFinal: true }, ({ target }) => {
      if (!target) return "missing";
      return target.stats.isFile() && (target.stats.mode & EXECUTABLE) !== 0
        ? "executable"
        : "forbidden";
    });
  } catch (error) {
    for (const code of ["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"] as const) {
      if (hasCode(error, code)) return "missing";
    }
    if (hasCode(error, "EACCES")) return "forbidden";
    throw error;
  }
}
