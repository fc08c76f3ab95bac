import { randomBytes } from "node:crypto";
import { mkdir, stat } from "node:fs/promises";
import { posix } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FileAccessError, FileNotFoundError } from "../../contract/file-errors.ts";
import type { CommandRunner } from "../commands/command-runner.ts";
import type { Deadline } from "../deadline.ts";
import { retryIdempotent } from "../retry.ts";
import type { SandboxChannel } from "../transport.ts";
import { fileError, runFileScript } from "./file-script.ts";
import { boundedStream } from "./read-file.ts";
import type { SandboxFiles } from "./sandbox-files.ts";

/** What moving a whole directory needs of a sandbox. */
export interface DirectoryTransfer {
  readonly channel: SandboxChannel;
  readonly commands: CommandRunner;
  readonly files: SandboxFiles;
}

/** Tells whether an entry (path relative to the directory, with `/`) is left out; a directory that is, with all in it. */
export type IgnoreEntry = (path: string) => boolean;

/** Packing and unpacking prints at most file names that failed. */
const outputLimitBytes = 64 * 1024;
const logLimitBytes = 16 * 1024 * 1024;

/** Sends a directory of this machine as one archive and unpacks it. */
export async function uploadDirectoryToSandbox(
  sandbox: DirectoryTransfer,
  localDirectory: string,
  destination: string,
  ignore: IgnoreEntry | undefined,
  deadline: Deadline,
): Promise<void> {
  await checkLocalDirectory(localDirectory);
  const { create } = await import("tar");
  const archive = await temporaryArchive(sandbox.channel, deadline);
  // Portable archives leave out this machine's user and group: in the sandbox the files belong to its own user.
  const pack = create(
    {
      cwd: localDirectory,
      portable: true,
      filter: (path) => path === "." || ignore?.(path.replace(/^\.\//, "")) !== true,
    },
    ["."],
  );
  try {
    await sandbox.channel.upload([{ path: archive, content: pack }], deadline);
    await runTar(
      sandbox,
      destination,
      `mkdir -p "$2" && tar -xf "$1" -C "$2"`,
      [archive, destination],
      deadline,
    );
  } finally {
    await removeArchive(sandbox.channel, archive);
  }
}

/** Packs a directory of the sandbox and unpacks it into a directory of this machine, which is made when missing. */
export async function downloadDirectoryFromSandbox(
  sandbox: DirectoryTransfer,
  source: string,
  localDirectory: string,
  deadline: Deadline,
): Promise<void> {
  const archive = await temporaryArchive(sandbox.channel, deadline);
  try {
    await runTar(
      sandbox,
      source,
      `ls -d "$2/." >/dev/null && tar -cf "$1" -C "$2" .`,
      [archive, source],
      deadline,
    );
    const { stream, sizeBytes } = await sandbox.files.openRead(archive, deadline);
    await mkdir(localDirectory, { recursive: true });
    const { extract } = await import("tar");
    // Entries that lead out of the directory are refused by the library.
    await pipeline(
      Readable.fromWeb(boundedStream(stream, sizeBytes, archive, deadline) as never),
      extract({ cwd: localDirectory, strict: true }),
      { signal: deadline.signal },
    );
  } catch (error) {
    throw deadline.reason ?? error;
  } finally {
    await removeArchive(sandbox.channel, archive);
  }
}

async function runTar(
  sandbox: DirectoryTransfer,
  path: string,
  script: string,
  words: readonly string[],
  deadline: Deadline,
): Promise<void> {
  const { exitCode, stderrBytes } = await sandbox.commands.run(
    {
      command: ["/bin/sh", "-c", `LC_ALL=C; export LC_ALL; ${script}`, "sh", ...words],
      cwd: "/",
      env: {},
      timeoutMs: Math.max(1, Math.round(deadline.remainingMs)),
      maxOutputBytes: outputLimitBytes,
      maxLogBytes: logLimitBytes,
    },
    deadline.signal,
  );
  if (exitCode !== 0) throw fileError(path, Buffer.from(stderrBytes).toString());
}

/** A path in the sandbox's own temporary folder: where nothing separates it from a machine, `/tmp` is that machine's. */
async function temporaryArchive(channel: SandboxChannel, deadline: Deadline): Promise<string> {
  const name = `.sandbox-backend-archive-${randomBytes(8).toString("hex")}.tar`;
  const script = 'printf %s "${TMPDIR:-/tmp}"';
  const { output } = await retryIdempotent(
    () => runFileScript(channel, script, [], deadline),
    deadline.signal,
  );
  return posix.join(output.startsWith("/") ? output : "/tmp", name);
}

const removalTimeoutMs = 10_000;

/** Also after the deadline has ended: an archive may be large. A failure leaves it to the sandbox's own end. */
async function removeArchive(channel: SandboxChannel, archive: string): Promise<void> {
  const signal = AbortSignal.timeout(removalTimeoutMs);
  await runFileScript(channel, 'rm -f "$1"', [archive], { signal }).catch(() => undefined);
}

async function checkLocalDirectory(path: string): Promise<void> {
  const info = await stat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new FileNotFoundError(`${JSON.stringify(path)} does not exist on this machine.`, {
      path,
    });
  });
  if (info.isDirectory()) return;
  throw new FileAccessError(`${JSON.stringify(path)} on this machine is not a directory.`, {
    path,
    reason: "not-a-directory",
  });
}
