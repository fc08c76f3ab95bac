import { buffer } from "node:stream/consumers";
import type { EngineSandbox } from "../../engine/engine-types.ts";
import { BuildFailure } from "./build-failure.ts";

/** How a program is run as the user of an image. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
  /** What stands before the program. */
  readonly prefix: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const asRoot: RunAs = { uid: 0, gid: 0, prefix: [], env: {} };

/**
 * Looks a USER up in the sandbox, as `docker run` does: a name must exist, a number need not.
 *
 * @throws BuildFailure for an unknown name.
 */
export async function runAs(sandbox: EngineSandbox, user: string | undefined): Promise<RunAs> {
  if (user === undefined || /^(root|0)(:(root|0))?$/.test(user)) return asRoot;
  const [name = "", group] = user.split(":");
  const entries = await table(sandbox, "/etc/passwd");
  const entry = entries.find(([entryName, , uid]) => entryName === name || uid === name);
  if (!entry && !/^\d+$/.test(name))
    throw new BuildFailure(`unable to find user ${name}: no matching entries in passwd file`);
  const uid = Number(entry?.[2] ?? name);
  const gid = group === undefined ? Number(entry?.[3] ?? 0) : await groupId(sandbox, group);
  const groups = entry && group === undefined ? "--init-groups" : "--clear-groups";
  const login = entry?.[0] ?? String(uid);
  return {
    uid,
    gid,
    prefix: ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, groups, "--"],
    env: { HOME: entry?.[5] || "/", USER: login, LOGNAME: login },
  };
}

export async function groupId(sandbox: EngineSandbox, group: string): Promise<number> {
  const entries = await table(sandbox, "/etc/group");
  const entry = entries.find(([name, , gid]) => name === group || gid === group);
  if (entry) return Number(entry[2]);
  if (/^\d+$/.test(group)) return Number(group);
  throw new BuildFailure(`unable to find group ${group}: no matching entries in group file`);
}

async function table({ files }: EngineSandbox, path: string): Promise<string[][]> {
  const { stream } = await files.read(path);
  const text = (await buffer(stream)).toString("utf8");
  return text.split("\n").map((line) => line.split(":"));
}
