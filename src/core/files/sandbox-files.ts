import { posix } from "node:path";
import { FileAccessError, FileNotFoundError } from "../../contract/file-errors.ts";
import type { FileInfo } from "../../contract/files.ts";
import {
  AuthenticationError,
  ConnectionError,
  PermissionError,
} from "../../contract/provider-errors.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import { retryIdempotent } from "../retry.ts";
import type { SandboxChannel, TransportCall } from "../transport.ts";
import { parseFileInfos, statFormat } from "./file-info-lines.ts";
import { fileAccessError, fileError, fileNotFound, runFileScript } from "./file-script.ts";

/** Reading, listing and changing files of a sandbox, on top of short scripts and byte transfers. Paths are absolute. */
export class SandboxFiles {
  readonly #channel: SandboxChannel;

  constructor(channel: SandboxChannel) {
    this.#channel = channel;
  }

  async openRead(
    path: string,
    call: TransportCall,
  ): Promise<{ readonly sizeBytes: number; readonly stream: ReadableStream<Uint8Array> }> {
    try {
      return await retryIdempotent(() => this.#channel.read(path, undefined, call), call.signal);
    } catch (error) {
      const isAboutFile =
        !(error instanceof ConnectionError) &&
        !(error instanceof AuthenticationError) &&
        !(error instanceof PermissionError);
      if (!isAboutFile || call.signal.aborted) throw error;
      throw await this.#explainFailedRead(path, error, call);
    }
  }

  async list(directory: string, depth: number, call: TransportCall): Promise<FileInfo[]> {
    // `ls` of the directory itself gives the system's own words when it is none or may not be read.
    const body = `ls -d "$1/." >/dev/null && ls "$1/" >/dev/null && cd "$1" && find . -maxdepth ${depth} ! -name . -exec stat -c ${statFormat} {} +`;
    const answer = await this.#query(body, [directory], call);
    const infos = parseFileInfos(answer.output, answer.nonce, (name) =>
      posix.join(directory, name),
    );
    // A file that went away between `find` and `stat` is no failure of the list; an unreadable one would be.
    if (answer.status !== 0 && infos.length === 0) throw fileError(directory, answer.output);
    return infos.sort((left, right) => (left.path < right.path ? -1 : 1));
  }

  async stat(path: string, call: TransportCall): Promise<FileInfo> {
    const answer = await this.#query(`stat -c ${statFormat} "$1"`, [path], call);
    const [info] = parseFileInfos(answer.output, answer.nonce, () => path);
    if (answer.status !== 0 || info === undefined) throw fileError(path, answer.output);
    return info;
  }

  async exists(path: string, call: TransportCall): Promise<boolean> {
    try {
      await this.stat(path, call);
      return true;
    } catch (error) {
      if (error instanceof FileNotFoundError) return false;
      // Below a file there is nothing.
      if (error instanceof FileAccessError && error.reason === "not-a-directory") return false;
      throw error;
    }
  }

  async makeDirectory(path: string, call: TransportCall): Promise<void> {
    const answer = await this.#query('mkdir -p "$1"', [path], call);
    if (answer.status !== 0) throw fileError(path, answer.output);
  }

  async remove(
    path: string,
    options: { readonly recursive: boolean; readonly force: boolean },
    call: TransportCall,
  ): Promise<void> {
    const missing = options.force ? "exit 0" : 'ls -d "$1"; exit 1';
    const directory = options.recursive ? 'rm -rf "$1"' : 'rmdir "$1"';
    const body = `if ! [ -e "$1" ] && ! [ -L "$1" ]; then ${missing}; fi
if [ -d "$1" ] && ! [ -L "$1" ]; then ${directory}; else rm -f "$1"; fi`;
    const answer = await runFileScript(this.#channel, body, [path], call);
    if (answer.status !== 0) throw fileError(path, answer.output);
  }

  async move(source: string, destination: string, call: TransportCall): Promise<void> {
    const body = `if ! [ -e "$1" ] && ! [ -L "$1" ]; then ls -d "$1"; exit 3; fi
if [ -d "$2" ]; then echo "File exists"; exit 4; fi
mv -f "$1" "$2"`;
    const answer = await runFileScript(this.#channel, body, [source, destination], call);
    if (answer.status === 3) throw fileNotFound(source);
    if (answer.status !== 0) throw fileError(destination, answer.output);
  }

  /** A script that only looks may be repeated when its answer is lost. */
  #query(body: string, words: readonly string[], call: TransportCall) {
    return retryIdempotent(() => runFileScript(this.#channel, body, words, call), call.signal);
  }

  async #explainFailedRead(path: string, error: unknown, call: TransportCall): Promise<unknown> {
    const body =
      'if [ -d "$1" ]; then echo "Is a directory"; exit 1; fi; ls -d "$1" && head -c 1 "$1" >/dev/null';
    const answer = await this.#query(body, [path], call);
    if (answer.status !== 0) return fileError(path, answer.output, { cause: error });
    // The file can be read from inside, so the failure was the provider's own.
    return SandboxError.is(error)
      ? error
      : fileAccessError(path, "other", String(error), { cause: error });
  }
}
