import { constants, openSync } from "node:fs";
import { stat } from "node:fs/promises";
import { isAbsolute, join, normalize } from "node:path";
import { EngineError } from "../engine-error.ts";
import type { EngineMount } from "../engine-types.ts";
import { O_PATH } from "../files/path-walker.ts";
import { SandboxFiles } from "../files/sandbox-files.ts";
import type { Mount } from "./mount-plan.ts";

const OPTIONS = ["nosuid", "nodev"];
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

/**
 * Lines of the script that builds the root, in the sandbox's folder and with nothing of the sandbox running. Both paths can
 * hold links of a sandbox: one on the way to the target is refused, and the source is where the shell stands, which nobody
 * can exchange, and not a path that is read twice.
 */
export function bindMountScript(mounts: readonly EngineMount[], mount: string): string[] {
  if (mounts.length === 0) return [];
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  return [
    "bind() (",
    '  rest=$2; point="$PWD/root"',
    '  while [ -n "$rest" ]; do',
    '    point="$point/${rest%%/*}"',
    "    case $rest in */*) rest=${rest#*/};; *) rest=;; esac",
    '    if [ -L "$point" ]; then echo "$point is a link" >&2; exit 1; fi',
    '    [ -d "$point" ] || mkdir -m 755 "$point" || exit 1',
    "  done",
    '  cd -P -- "$1" || exit 1',
    '  [ "$(pwd -P)" = "$1" ] || { echo "$1 is a link" >&2; exit 1; }',
    `  ${mount} --no-canonicalize --bind -o ${OPTIONS.join(",")} . "$point"`,
    ")",
    ...mounts.map(({ source, subpath, target }) => {
      const from = quote(subpath ? join(source, subpath) : source);
      return `bind ${from} ${quote(target.slice(1))} || fail ${quote(`mount ${target}`)}`;
    }),
  ];
}

/** What the mount table must show of them. */
export function bindMountsToCheck(mounts: readonly EngineMount[]): Mount[] {
  return mounts.map(({ source, target }) => ({
    source,
    target: join("root", target),
    type: "none",
    options: OPTIONS,
  }));
}
