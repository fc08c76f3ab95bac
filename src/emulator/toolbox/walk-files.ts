import { posix } from "node:path";
import type { EngineFileInfo } from "../../engine/engine-types.ts";
import { errorCode } from "./go-text.ts";
import { daemonPath, type ToolboxCall } from "./toolbox-call.ts";

export interface WalkedFile {
  /** As the daemon prints it: joined to the path that was asked for. */
  readonly path: string;
  readonly info: EngineFileInfo;
}

/** The root and everything below, in order of names, without following links. What cannot be read is left out. */
export async function* walkFiles(call: ToolboxCall, root: string): AsyncGenerator<WalkedFile> {
  const { files } = call.engine;
  const info = await orUndefined(
    files.stat(daemonPath(call.engine, root), { followSymlinks: false }),
  );
  if (info) yield* walkFrom(call, { path: root, info });
}

/** Entries of a directory in the order of their names' bytes, as Go lists them. */
export async function listSorted(
  { engine }: ToolboxCall,
  directory: string,
): Promise<EngineFileInfo[]> {
  const entries = await engine.files.list(directory);
  return entries.toSorted((a, b) => Buffer.compare(a.nameBytes, b.nameBytes));
}

async function* walkFrom(call: ToolboxCall, file: WalkedFile): AsyncGenerator<WalkedFile> {
  yield file;
  if (file.info.type !== "directory") return;
  const entries = await orUndefined(listSorted(call, daemonPath(call.engine, file.path)));
  for (const info of entries ?? [])
    yield* walkFrom(call, { path: posix.join(file.path, info.name), info });
}

async function orUndefined<Value>(operation: Promise<Value>): Promise<Value | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (["ENOENT", "EACCES", "ENOTDIR", "ELOOP"].includes(errorCode(error) ?? "")) return undefined;
    throw error;
  }
}
