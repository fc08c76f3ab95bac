import { buffer } from "node:stream/consumers";
import { sendEmpty } from "../http/send.ts";
import { octalMode, requiredPath, statFile } from "./file-arguments.ts";
import { badFileRequest, fileError } from "./file-error.ts";
import { daemonPath, type ToolboxCall } from "./toolbox-call.ts";

/** Mode and owner of a file. Setuid, setgid and sticky bits are ignored, as the daemon does. */
export async function setPermissions(call: ToolboxCall): Promise<void> {
  const { query, engine } = call;
  const path = requiredPath(call);
  await statFile(call, path);
  const absolute = daemonPath(engine, path);
  const mode = octalMode(query.get("mode"));
  try {
    if (mode !== undefined) await engine.files.setMode(absolute, mode & 0o777);
  } catch (error) {
    throw badFileRequest(`failed to change mode: ${fileError("chmod", path, error).message}`);
  }
  const uid = await idOf(call, "passwd", query.get("owner"));
  const gid = await idOf(call, "group", query.get("group"));
  try {
    if (uid !== undefined || gid !== undefined) {
      await engine.files.setOwner(absolute, {
        ...(uid === undefined ? {} : { uid }),
        ...(gid === undefined ? {} : { gid }),
      });
    }
  } catch (error) {
    throw badFileRequest(`failed to change ownership: ${fileError("chown", path, error).message}`);
  }
  sendEmpty(call.response, 200);
}

/** A numeric id, or that of a name in the sandbox's own `/etc/passwd` or `/etc/group`. */
async function idOf(
  { engine }: ToolboxCall,
  database: "passwd" | "group",
  name: string | null,
): Promise<number | undefined> {
  if (!name) return undefined;
  if (/^\d+$/.test(name)) return Number(name);
  const reader = await engine.spawn(["/bin/cat", `/etc/${database}`]);
  reader.stdin.end();
  reader.stderr.resume();
  const [text] = await Promise.all([buffer(reader.stdout), reader.exited]);
  const line = text
    .toString("utf8")
    .split("\n")
    .find((candidate) => candidate.startsWith(`${name}:`));
  const id = line?.split(":")[2];
  if (id === undefined)
    throw badFileRequest(database === "passwd" ? "user not found" : "group not found");
  return Number(id);
}
