import { posix } from "node:path";
import type { Readable } from "node:stream";
import type {
  ByteRange,
  FileUpload,
  LiveTerminal,
  SandboxChannel,
  TerminalHandlers,
  TransportCall,
} from "../../core/transport.ts";
import type { EngineFiles } from "../../engine/engine-types.ts";
import type { LocalConnection } from "./local-connection.ts";
import { classifyLocalFileError } from "./local-errors.ts";
import { startScript } from "./local-script.ts";
import { LocalTerminal } from "./local-terminal.ts";
import { UploadSource } from "./upload-source.ts";

/** The inside of one sandbox of the engine. */
export class LocalChannel implements SandboxChannel {
  readonly #connection: LocalConnection;
  readonly #sandboxId: string;

  constructor(connection: LocalConnection, sandboxId: string) {
    this.#connection = connection;
    this.#sandboxId = sandboxId;
  }

  async runScript(script: string, call: TransportCall): Promise<string> {
    const sandbox = await this.#connection.sandbox(this.#sandboxId, call);
    let abandon: (() => void) | undefined;
    try {
      return await this.#connection.request(call, "program", async () => {
        // The folder of the home: the root directory with namespaces, the sandbox's own without.
        const cwd = posix.dirname(sandbox.homeDirectory);
        const running = await startScript(sandbox, script, cwd);
        abandon = running.abandon;
        if (call.signal.aborted) abandon();
        return running.output;
      });
    } finally {
      if (call.signal.aborted) abandon?.();
    }
  }

  async read(
    path: string,
    range: ByteRange | undefined,
    call: TransportCall,
  ): Promise<{ readonly sizeBytes: number; readonly stream: ReadableStream<Uint8Array> }> {
    const sandbox = await this.#connection.sandbox(this.#sandboxId, call);
    const classify = (error: unknown) => classifyLocalFileError(error, path);
    return this.#connection.request(call, classify, async () => {
      const { sizeBytes, stream } = await sandbox.files.read(path, range);
      // After an abort nobody would read it.
      this.#connection.bindStream(stream, call);
      const start = range?.start ?? 0;
      const end = Math.min(sizeBytes, range?.end ?? sizeBytes);
      return { sizeBytes, stream: firstBytes(stream, end - start) };
    });
  }

  async openTerminal(handlers: TerminalHandlers, call: TransportCall): Promise<LiveTerminal> {
    const sandbox = await this.#connection.sandbox(this.#sandboxId, call);
    const opening = LocalTerminal.open(sandbox, handlers);
    try {
      return await this.#connection.request(call, "program", () => opening);
    } catch (error) {
      // Given up meanwhile: a shell that nobody looks at would go on.
      opening.then(
        (terminal) => terminal.close(),
        () => undefined,
      );
      throw error;
    }
  }

  async upload(files: readonly FileUpload[], call: TransportCall): Promise<void> {
    const sandbox = await this.#connection.sandbox(this.#sandboxId, call);
    for (const { path, content } of files) {
      const source = new UploadSource(content);
      this.#connection.bindStream(source, call);
      try {
        await store(sandbox.files, path, source);
      } catch (error) {
        // Only now, when nothing more of it is written.
        if (call.signal.aborted) throw call.signal.reason;
        throw (source.failure?.error ?? classifyLocalFileError(error, path)) as Error;
      } finally {
        source.destroy();
      }
    }
  }
}

async function store(files: EngineFiles, path: string, content: Readable): Promise<void> {
  await files.makeDirectory(posix.dirname(path), { recursive: true });
  await files.write(path, content);
}

/** At most so many bytes: a file that grows meanwhile gives what it had when it was opened. */
function firstBytes(source: Readable, limitBytes: number): ReadableStream<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let leftBytes = limitBytes;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } =
          leftBytes > 0 ? await chunks.next() : { done: true, value: undefined };
        if (done === true || value === undefined) {
          source.destroy();
          controller.close();
          return;
        }
        const part = value.subarray(0, leftBytes);
        leftBytes -= part.byteLength;
        controller.enqueue(part);
      },
      cancel() {
        source.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}
