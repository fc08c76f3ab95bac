import { OutputLimitError } from "../../contract/command-errors.ts";
import { ConnectionError } from "../../contract/provider-errors.ts";
import type { Deadline } from "../deadline.ts";
import { fileAccessError } from "./file-script.ts";
import type { SandboxFiles } from "./sandbox-files.ts";

/** Files are read into the host's memory, so there is a limit unless the caller names another. */
const defaultMaxBytes = 512 * 1024 * 1024;

/** @throws {@link OutputLimitError} before anything is read when the file is larger than `maxBytes`. */
export async function readWholeFile(
  files: SandboxFiles,
  path: string,
  options: { readonly encoding?: "utf8" | undefined; readonly maxBytes?: number | undefined },
  deadline: Deadline,
): Promise<string | Uint8Array> {
  const limitBytes = options.maxBytes ?? defaultMaxBytes;
  const { stream, sizeBytes } = await files.openRead(path, deadline);
  if (sizeBytes > limitBytes) {
    await stream.cancel();
    throw new OutputLimitError(
      `${JSON.stringify(path)} has ${sizeBytes} bytes, more than the ${limitBytes} that may be read at once. Use readFileStream, or raise maxBytes.`,
      { limitBytes },
    );
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of boundedStream(stream, sizeBytes, path, deadline)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  return options.encoding === "utf8"
    ? decode(path, bytes)
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function decode(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw fileAccessError(path, "not-utf8", "", { cause: error });
  }
}

/**
 * The same bytes, under the deadline, and with proof that all of them came: a stream that ends early must not look like a
 * short file. Releases the deadline at its end.
 */
export function boundedStream(
  source: ReadableStream<Uint8Array>,
  sizeBytes: number,
  path: string,
  deadline: Deadline,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let readBytes = 0;
  const release = (): void => {
    deadline.signal.removeEventListener("abort", onDeadline);
    deadline[Symbol.dispose]();
  };
  const onDeadline = (): void => {
    // The pending read below rejects; the reason itself is thrown there.
    reader.cancel(deadline.reason).catch(() => undefined);
  };
  deadline.signal.addEventListener("abort", onDeadline, { once: true });
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          deadline.throwIfEnded();
          if (!done) {
            readBytes += value.byteLength;
            controller.enqueue(value);
            return;
          }
          if (readBytes !== sizeBytes) throw incomplete(path, readBytes, sizeBytes);
          release();
          controller.close();
        } catch (error) {
          const reason = deadline.reason ?? readFailure(path, error);
          release();
          controller.error(reason);
        }
      },
      async cancel(reason) {
        release();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

function incomplete(path: string, readBytes: number, sizeBytes: number): ConnectionError {
  return new ConnectionError(
    `${JSON.stringify(path)} came incomplete: ${readBytes} of ${sizeBytes} bytes. Read it again.`,
    { retryable: true },
  );
}

function readFailure(path: string, error: unknown): unknown {
  if (error instanceof ConnectionError) return error;
  return new ConnectionError(
    `The connection broke while ${JSON.stringify(path)} was read. Read it again.`,
    {
      cause: error,
      retryable: true,
    },
  );
}
