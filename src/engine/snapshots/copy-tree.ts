import { execFile } from "node:child_process";
import { chmod, chown, lstat, mkdir } from "node:fs/promises";
import { EngineError } from "../engine-error.ts";
import { findSystemProgram } from "../isolation/system-programs.ts";

const MAX_COMPLAINTS_BYTES = 64 * 1024 * 1024;

export interface CopyOptions {
  readonly from: string;
  /** A directory, which is there. */
  readonly to: string;
  /** A name in `from` that is left out. */
  readonly except: string | undefined;
  /** An ordinary user opens what he closed to himself only as root of a user namespace. */
  readonly needsUserNamespace: boolean;
  readonly signal: AbortSignal | undefined;
}

/** A shell, because names that are not UTF-8 cannot pass through Node's arguments. The copy takes the shell's place. */
const COPY = `cd -- "$1" || exit 1
to=$2 except=$3
shift 3
for name in * .[!.]* ..?*; do
  [ "$name" != "$except" ] || continue
  [ -e "./$name" ] || [ -L "./$name" ] || continue
  set -- "$@" "./$name"
done
[ $# -gt 0 ] || exit 0
exec cp -a --preserve=all,xattr --reflink=auto -t "$to" -- "$@"`;

/**
 * Copies the entries of a directory with their modes, owners, times, links, extended attributes and devices (an overlay's
 * note of a removed file is one), and never as hard links to the originals. Blocks are shared where the file system can.
 *
 * @throws EngineError `SNAPSHOT_FAILED` with what the copying program complained about, such as a full disk; the reason of `signal`.
 */
export async function copyEntries(options: CopyOptions): Promise<void> {
  const { from, to, except, needsUserNamespace, signal } = options;
  signal?.throwIfAborted();
  const setpriv = findSystemProgram("setpriv");
  const [program = "", ...programArguments] = [
    ...(needsUserNamespace ? ["unshare", "--user", "--map-root-user", "--"] : []),
    // The copy must not outlive us: the next engine removes what we leave behind.
    ...(setpriv === undefined ? [] : [setpriv, "--pdeathsig", "KILL", "--"]),
    ...["/bin/sh", "-c", COPY, "sh", from, to, except ?? ""],
  ];
  const env = { PATH: "/usr/bin:/bin", LC_ALL: "C" };
  const complaint = await new Promise<string | undefined>((resolve) => {
    execFile(
      program,
      programArguments,
      { env, signal, killSignal: "SIGKILL", maxBuffer: MAX_COMPLAINTS_BYTES },
      (error, _stdout, stderr) => {
        resolve(error ? stderr.trim().split("\n")[0] || error.message : undefined);
      },
    );
  });
  signal?.throwIfAborted();
  if (complaint !== undefined) throw new EngineError("SNAPSHOT_FAILED", complaint);
}

/** Makes a directory like another one, and copies the entries. */
export async function copyTree(options: CopyOptions): Promise<void> {
  await makeDirectoryLike(options.from, options.to);
  await copyEntries(options);
}

export async function makeDirectoryLike(model: string, path: string): Promise<void> {
  const { mode, uid, gid } = await lstat(model);
  await mkdir(path, { recursive: true });
  await chown(path, uid, gid);
  await chmod(path, mode & 0o7777);
}
