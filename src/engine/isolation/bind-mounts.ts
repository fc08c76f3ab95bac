import { constants, openSync } from "node:fs";
import { stat } from "node:fs/promises";
import { isAbsolute, join, normalize } from "node:path";
import { EngineError } from "../engine-error.ts";
import type { EngineMount } from "../engine-types.ts";
import { O_PATH } from "../files/path-walker.ts";
import { SandboxFiles } from "../files/sandbox-files.ts";
import type { Mount } from "./mount-plan.ts";

export const BIND_MOUNT_OPTIONS = ["nosuid", "nodev"];
/** Where the engine mounts what every sandbox needs. */
const RESERVED = ["dev", "proc", "sys", "run"];

/**
 * Refuses what cannot be mounted.
 *
 * @throws EngineError `INVALID_ARGUMENT`
 */
export async function checkBindMounts(mounts: readonly EngineMount[]): Promise<void> {
  const targets = mounts.map(({ target }) => target);
  for (const { source, target, subpath = "" } of mounts) {
    const refuse = (why: string) =>
      new EngineError("INVALID_ARGUMENT", `The mount ${target} ${why}`);
    if (!isPlainPath(target) || target === "/") throw refuse("must be a plain absolute path");
    if (!isPlainPath(source)) throw refuse("must have a plain absolute path as its source");
    if (subpath !== "" && !isPlainPath(`/${subpath}`)) throw refuse("must have a plain subpath");
    if (RESERVED.some((name) => target === `/${name}` || target.startsWith(`/${name}/`)))
      throw refuse("is where the engine's own mounts are");
    if (targets.filter((other) => `${other}/`.startsWith(`${target}/`)).length > 1)
      throw refuse("contains another mount");
    const info = await stat(source).catch(() => undefined);
    if (!info?.isDirectory()) throw refuse("must have a directory as its source");
  }
}

/** Absolute, with no part that leads elsewhere. */
function isPlainPath(path: string): boolean {
  if (!isAbsolute(path) || normalize(path) !== path || /\p{Cc}/u.test(path)) return false;
  return path === "/" || !path.endsWith("/");
}

/** Makes the subpaths that are missing. A link among the source's own files leads nowhere else. */
export async function makeSubpaths(
  mounts: readonly EngineMount[] = [],
): Promise<readonly EngineMount[]> {
  for (const { source, subpath } of mounts) {
    if (!subpath) continue;
    const files = new SandboxFiles(async () => ({
      prefix: source,
      openRoot: () => openSync(source, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW),
    }));
    await files.makeDirectory(join(source, subpath), { recursive: true });
  }
  return mounts;
}

/** What the mount table must show of them. */
export function bindMountsToCheck(mounts: readonly EngineMount[]): Mount[] {
  return mounts.map(({ source, target }) => ({
    source,
    target: join("root", target),
    type: "none",
    options: BIND_MOUNT_OPTIONS,
  }));
}
