import { randomBytes } from "node:crypto";
import { posix } from "node:path";
import type { FileContent, FileToWrite } from "../../contract/files.ts";
import { ConnectionError } from "../../contract/provider-errors.ts";
import type { FileUpload, SandboxChannel, TransportCall } from "../transport.ts";
import { fileAccessError, fileError, nonceVariable, runFileScript } from "./file-script.ts";

/** Temporary files of ours begin with this, so that what a killed host left behind can be recognised. */
const temporaryPrefix = ".sandbox-backend-write-";

const removalTimeoutMs = 5_000;

/** Files in one finishing script; its arguments must stay far below the system's limit. */
const filesPerScript = 50;

/**
 * For each group of temporary file, path, expected bytes and mode: proves that the file came (a gateway may have answered in the
 * place of the upload) and its size, follows a link, keeps mode and owner of
 * what is replaced, and renames. Where a rename fails (some volumes), the content is copied in place.
 */
const finishBody = `while [ "$#" -gt 0 ]; do
  temporary=$1; path=$2; bytes=$3; mode=$4; shift 4
  if [ -x "\${temporary%/*}" ] && ! [ -e "$temporary" ]; then have=0; else have=$(wc -c <"$temporary") || exit 1; fi
  [ -e "$temporary" ] && [ "$have" -eq "$bytes" ] || { rm -f "$temporary"; printf '%s short %s\\n' "${nonceVariable}" "$have"; exit 1; }
  if [ -L "$path" ]; then
    real=$(readlink -f "$path") && [ -n "$real" ] || { rm -f "$temporary"; echo "No such file or directory"; exit 1; }
    if [ "\${real%/*}" != "\${path%/*}" ]; then
      moved="\${real%/*}/\${temporary##*/}"
      mv -f "$temporary" "$moved" || { rm -f "$temporary"; exit 1; }
      temporary=$moved
    fi
    path=$real
  fi
  if [ -d "$path" ]; then rm -f "$temporary"; echo "Is a directory"; exit 1; fi
  if [ -e "$path" ]; then
    owner=$(stat -c %u:%g "$path") && [ "$owner" = "$(stat -c %u:%g "$temporary")" ] || chown "$owner" "$temporary" 2>/dev/null || :
    [ "$mode" != keep ] || mode=$(stat -c %a "$path")
  fi
  [ "$mode" != keep ] || mode=644
  chmod "$mode" "$temporary" || { rm -f "$temporary"; exit 1; }
  mv -f "$temporary" "$path" 2>/dev/null || { cat "$temporary" >"$path" && rm -f "$temporary"; } || { rm -f "$temporary"; exit 1; }
  printf '%s written\\n' "${nonceVariable}"
done`;

interface PendingFile {
  readonly path: string;
  readonly temporary: string;
  readonly mode: string;
  readonly upload: FileUpload;
  readonly countBytes: () => number;
}

/** Writes files, each atomically: all contents in one upload, then one script that proves and renames. */
export async function writeFilesInSandbox(
  channel: SandboxChannel,
  files: readonly FileToWrite[],
  call: TransportCall,
): Promise<void> {
  for (let start = 0; start < files.length; start += filesPerScript) {
    await writeGroup(channel, files.slice(start, start + filesPerScript).map(preparePending), call);
  }
}

async function writeGroup(
  channel: SandboxChannel,
  pending: readonly PendingFile[],
  call: TransportCall,
): Promise<void> {
  try {
    await channel.upload(
      pending.map(({ upload }) => upload),
      call,
    );
  } catch (error) {
    if (call.signal.aborted) {
      await removeAfterAbort(channel, pending);
      throw error;
    }
    throw await explainFailedUpload(channel, pending, error, call);
  }
  const words = pending.flatMap(({ temporary, path, mode, countBytes }) => [
    temporary,
    path,
    String(countBytes()),
    mode,
  ]);
  const answer = await runFileScript(channel, finishBody, words, call).catch(async (error) => {
    if (call.signal.aborted) await removeAfterAbort(channel, pending);
    throw error;
  });
  if (answer.status === 0) return;
  const written = answer.output.split(`${answer.nonce} written`).length - 1;
  const failed = pending[written]?.path ?? pending[0]?.path ?? "";
  await removeTemporaries(channel, pending.slice(written), call);
  if (answer.output.includes(`${answer.nonce} short`)) {
    throw new ConnectionError(
      `The upload of ${JSON.stringify(failed)} arrived incomplete; the file at that path is unchanged.`,
      { retryable: true },
    );
  }
  throw fileError(failed, answer.output);
}

/** A provider says little about why an upload failed; the sandbox itself knows what is wrong with the place. */
async function explainFailedUpload(
  channel: SandboxChannel,
  pending: readonly PendingFile[],
  error: unknown,
  call: TransportCall,
): Promise<unknown> {
  const directories = pending.map(({ path }) => posix.dirname(path));
  const body = `while [ "$#" -gt 0 ]; do
  [ -d "$1" ] || ! [ -e "$1" ] || { echo "Not a directory"; exit 1; }
  mkdir -p "$1" || exit 1
  [ -w "$1" ] || { echo "Permission denied"; exit 1; }
  printf '%s fine\\n' "${nonceVariable}"; shift
done`;
  const answer = await runFileScript(channel, body, directories, call);
  await removeTemporaries(channel, pending, call);
  if (answer.status === 0) {
    const message = error instanceof Error ? error.message : "";
    const first = pending[0]?.path ?? "";
    return /no space left/i.test(message) ? fileAccessError(first, "no-space") : error;
  }
  const fine = answer.output.split(`${answer.nonce} fine`).length - 1;
  return fileError(pending[fine]?.path ?? "", answer.output, { cause: error });
}

/** The caller's signal has ended, so this has a short bound of its own; what it cannot remove keeps its telling name. */
async function removeAfterAbort(
  channel: SandboxChannel,
  pending: readonly PendingFile[],
): Promise<void> {
  const call = { signal: AbortSignal.timeout(removalTimeoutMs) };
  await removeTemporaries(channel, pending, call).catch(() => undefined);
}

async function removeTemporaries(
  channel: SandboxChannel,
  pending: readonly PendingFile[],
  call: TransportCall,
): Promise<void> {
  await runFileScript(
    channel,
    'rm -f "$@"',
    pending.map(({ temporary }) => temporary),
    call,
  );
}

function preparePending(file: FileToWrite): PendingFile {
  const temporary = posix.join(
    posix.dirname(file.path),
    `${temporaryPrefix}${randomBytes(8).toString("hex")}`,
  );
  const { content, countBytes } = countedContent(file.content);
  return {
    path: file.path,
    temporary,
    mode: file.mode === undefined ? "keep" : file.mode.toString(8),
    upload: { path: temporary, content },
    countBytes,
  };
}

/** The content in a form for the transport, and how many bytes of it were taken. */
function countedContent(content: FileContent): {
  content: FileUpload["content"];
  countBytes: () => number;
} {
  if (typeof content === "string") return countedContent(Buffer.from(content));
  if (content instanceof Uint8Array) return { content, countBytes: () => content.byteLength };
  let bytes = 0;
  async function* counted(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      bytes += chunk.byteLength;
      yield chunk;
    }
  }
  return { content: counted(content as AsyncIterable<Uint8Array>), countBytes: () => bytes };
}
