import { posix } from "node:path";
import type { FileInfo } from "@daytona/toolbox-api-client";
import { sendEmpty, sendJson } from "../http/send.ts";
import { octalMode, requiredPath, statFile } from "./file-arguments.ts";
import { badFileRequest, fileConflict, fileError } from "./file-error.ts";
import { fileInfoDto } from "./file-info.ts";
import { setPermissions } from "./file-permissions.ts";
import { errorCode } from "./go-text.ts";
import { daemonPath, type ToolboxCall, type ToolboxRoutes } from "./toolbox-call.ts";
import { listSorted } from "./walk-files.ts";

const defaultUmask = 0o022;
const defaultDirectoryMode = 0o755;

/** List, info, folder, delete, move, permissions. */
export function addFileRoutes(routes: ToolboxRoutes): void {
  routes.add("GET", "/files", { handle: listFiles });
  routes.add("GET", "/files/info", { handle: fileInfo });
  routes.add("POST", "/files/folder", { handle: createFolder });
  routes.add("DELETE", "/files", { handle: deleteFile });
  routes.add("POST", "/files/move", { handle: moveFile });
  routes.add("POST", "/files/permissions", { handle: setPermissions });
}

async function listFiles(call: ToolboxCall): Promise<void> {
  const path = call.query.get("path") || ".";
  const depth = call.profile.newerRoutes ? depthOf(call) : 1;
  const infos: FileInfo[] = [];
  await collect(call, path, depth, infos).catch((error: unknown) => {
    throw fileError("open", path, error);
  });
  sendJson(call.response, 200, infos);
}

function depthOf({ query }: ToolboxCall): number {
  const text = query.get("depth");
  if (text === null) return 1;
  const depth = Number(text);
  if (!Number.isInteger(depth) || depth < 1) throw badFileRequest("depth must be at least 1");
  return depth;
}

/** Adds the entries of a directory. Links are followed; dangling ones are left out. */
async function collect(
  call: ToolboxCall,
  path: string,
  depth: number,
  infos: FileInfo[],
): Promise<void> {
  const { engine, profile } = call;
  const directory = daemonPath(engine, path);
  for (const listed of await listSorted(call, directory)) {
    const entryPath = posix.join(directory, listed.name);
    const info = listed.type === "symlink" ? await statTarget(call, entryPath) : listed;
    if (info === undefined) continue;
    infos.push(fileInfoDto({ ...info, name: listed.name }, entryPath, profile));
    if (depth > 1 && listed.type === "directory") await collect(call, entryPath, depth - 1, infos);
  }
}

async function statTarget({ engine }: ToolboxCall, path: string) {
  try {
    return await engine.files.stat(path, { followSymlinks: true });
  } catch (error) {
    if (["ENOENT", "ELOOP", "EACCES", "ENOTDIR"].includes(errorCode(error) ?? "")) return undefined;
    throw error;
  }
}

async function fileInfo(call: ToolboxCall): Promise<void> {
  const path = requiredPath(call);
  const info = await statFile(call, path);
  const name = posix.basename(path) || path;
  const absolute = daemonPath(call.engine, path);
  sendJson(call.response, 200, fileInfoDto({ ...info, name }, absolute, call.profile));
}

async function createFolder(call: ToolboxCall): Promise<void> {
  const path = requiredPath(call);
  const mode = octalMode(call.query.get("mode")) ?? defaultDirectoryMode;
  try {
    await call.engine.files.makeDirectory(daemonPath(call.engine, path), {
      recursive: true,
      mode: mode & 0o777 & ~defaultUmask,
    });
  } catch (error) {
    throw badFileRequest(fileError("mkdir", path, error).message);
  }
  sendEmpty(call.response, 201);
}

async function deleteFile(call: ToolboxCall): Promise<void> {
  const path = requiredPath(call);
  const recursive = call.query.get("recursive") === "true";
  const { type } = await statFile(call, path);
  if (type === "directory" && !recursive)
    throw badFileRequest("cannot delete directory without recursive flag");
  try {
    await call.engine.files.remove(daemonPath(call.engine, path), { recursive });
  } catch (error) {
    throw fileError("remove", path, error);
  }
  sendEmpty(call.response, 204);
}

async function moveFile(call: ToolboxCall): Promise<void> {
  const { engine } = call;
  const source = requiredPath(call, "source");
  const destination = requiredPath(call, "destination");
  await statFile(call, source);
  await statFile(call, posix.dirname(daemonPath(engine, destination)));
  if (await statTarget(call, daemonPath(engine, destination)))
    throw fileConflict("destination already exists");
  try {
    await engine.files.move(daemonPath(engine, source), daemonPath(engine, destination));
  } catch (error) {
    throw badFileRequest(fileError("rename", source, error).message);
  }
  sendEmpty(call.response, 200);
}
