import { Readable } from "node:stream";
import { ProtocolError } from "../../contract/provider-errors.ts";
import type {
  ByteRange,
  FileUpload,
  LiveTerminal,
  ProviderTerminal,
  SandboxChannel,
  TerminalHandlers,
  TransportCall,
} from "../../core/transport.ts";
import type { DaytonaConnection } from "./daytona-connection.ts";
import type { DaytonaSandbox } from "./daytona-sdk.ts";
import { DaytonaTerminal, viewPrefix } from "./daytona-terminal.ts";
import { withSandbox } from "./with-sandbox.ts";

/** An upload is bounded by the caller's deadline; the SDK wants seconds of its own, which must not end earlier. */
const uploadTimeoutSeconds = 24 * 60 * 60;

/** The inside of one Daytona sandbox: short scripts through `process.executeCommand`, bytes through the file routes. */
export class DaytonaChannel implements SandboxChannel {
  readonly #connection: DaytonaConnection;
  readonly #sandboxId: string;

  constructor(connection: DaytonaConnection, sandboxId: string) {
    this.#connection = connection;
    this.#sandboxId = sandboxId;
  }

  runScript(script: string, call: TransportCall): Promise<string> {
    return this.#withSandbox(call, async (sandbox) => {
      const { exitCode, result } = await this.#connection.request(call, () =>
        sandbox.process.executeCommand(script),
      );
      if (typeof exitCode !== "number" || typeof result !== "string") {
        throw new ProtocolError(
          `The toolbox of sandbox ${this.#sandboxId} did not answer like Daytona's.`,
          { sandboxId: this.#sandboxId },
        );
      }
      return result;
    });
  }

  read(
    path: string,
    range: ByteRange | undefined,
    call: TransportCall,
  ): Promise<{ readonly sizeBytes: number; readonly stream: ReadableStream<Uint8Array> }> {
    // The bulk download has a boundary that a file's content can imitate, so that it is cut silently; the single one has a length.
    return this.#withSandbox(call, async (sandbox) => {
      const url = `${sandbox.toolboxProxyUrl}/${encodeURIComponent(sandbox.id)}/files/download?path=${encodeURIComponent(path)}`;
      const headers: Record<string, string> = {
        Authorization: `Bearer ${this.#connection.apiKey}`,
        // A compressed answer would have the length of something else.
        "Accept-Encoding": "identity",
      };
      if (range !== undefined) headers.Range = `bytes=${range.start}-${range.end - 1}`;
      const response = await fetch(url, { headers, redirect: "manual", signal: call.signal });
      return openBody(response, range);
    });
  }

  async upload(files: readonly FileUpload[], call: TransportCall): Promise<void> {
    await this.#withSandbox(call, async (sandbox) => {
      const whole = files.filter(({ content }) => content instanceof Uint8Array);
      if (whole.length > 0) {
        const sources = whole.map(({ path, content }) => ({
          // The SDK takes a plain Uint8Array for a list of numbers, and a string for a local path.
          source: asBuffer(content as Uint8Array),
          destination: path,
        }));
        await this.#connection.request(call, () =>
          sandbox.fs.uploadFiles(sources, uploadTimeoutSeconds),
        );
      }
      for (const { path, content } of files) {
        if (content instanceof Uint8Array) continue;
        await this.#connection.request(call, () =>
          sandbox.fs.uploadFileStream(Readable.from(content, { objectMode: false }), path, {
            signal: call.signal,
            timeout: uploadTimeoutSeconds,
          }),
        );
      }
    });
  }

  openTerminal(handlers: TerminalHandlers, call: TransportCall): Promise<LiveTerminal> {
    return this.#withSandbox(call, (sandbox) =>
      DaytonaTerminal.open(
        {
          url: `${sandbox.toolboxProxyUrl}/${encodeURIComponent(sandbox.id)}`,
          apiKey: this.#connection.apiKey,
        },
        handlers,
        call,
      ),
    );
  }

  listTerminals(call: TransportCall): Promise<ProviderTerminal[]> {
    return this.#withSandbox(call, async (sandbox) => {
      const sessions = await this.#connection.request(call, () =>
        sandbox.process.listPtySessions(),
      );
      return sessions
        .filter(({ id, active }) => active && !id.startsWith(viewPrefix))
        .map(({ id, createdAt }) => {
          const date = new Date(createdAt);
          return { id, createdAt: Number.isNaN(date.getTime()) ? undefined : date };
        });
    });
  }

  #withSandbox<Value>(
    call: TransportCall,
    use: (sandbox: DaytonaSandbox) => Promise<Value>,
  ): Promise<Value> {
    return withSandbox(this.#connection, this.#sandboxId, call, use);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

async function openBody(
  response: Response,
  range: ByteRange | undefined,
): Promise<{ readonly sizeBytes: number; readonly stream: ReadableStream<Uint8Array> }> {
  const total = Number(response.headers.get("content-range")?.split("/")[1] ?? Number.NaN);
  if (range !== undefined && response.status === 416) {
    await response.body?.cancel();
    return { sizeBytes: Number.isFinite(total) ? total : range.start, stream: emptyStream() };
  }
  const isPartial = response.status === 206;
  if (response.status !== 200 && !isPartial) throw await statusError(response);
  // A gateway's page with status 200 must not pass for a file's content. The daemon sends files as an attachment.
  const isPage = response.headers.get("content-type")?.startsWith("text/html") === true;
  if (isPage && !response.headers.has("content-disposition")) {
    await response.body?.cancel();
    throw new ProtocolError("A web page came where a file was due.", { retryable: true });
  }
  const length = Number(response.headers.get("content-length") ?? Number.NaN);
  const sizeBytes = isPartial ? total : length;
  if (!Number.isFinite(sizeBytes)) {
    await response.body?.cancel();
    throw new ProtocolError("The toolbox sent a file without its length.");
  }
  const stream = response.body ?? emptyStream();
  if (range === undefined || isPartial) return { sizeBytes, stream };
  return { sizeBytes, stream: stream.pipeThrough(cutTo(range)) };
}

function emptyStream(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() });
}

/** For a server that ignores ranges: the same bytes out of the whole. */
function cutTo(range: ByteRange): TransformStream<Uint8Array, Uint8Array> {
  let offset = 0;
  return new TransformStream({
    transform(chunk, controller) {
      const from = Math.max(0, range.start - offset);
      const to = Math.min(chunk.byteLength, range.end - offset);
      offset += chunk.byteLength;
      if (from < to) controller.enqueue(chunk.subarray(from, to));
      if (offset >= range.end) controller.terminate();
    },
  });
}

async function statusError(response: Response): Promise<Error> {
  const body = await response.text().catch(() => "");
  let message = `status ${response.status}`;
  try {
    const parsed = JSON.parse(body) as { message?: unknown };
    if (typeof parsed.message === "string") message = parsed.message;
  } catch {
    // Older daemons send no body with a file error; the status says enough.
  }
  return Object.assign(new Error(message), { statusCode: response.status });
}
