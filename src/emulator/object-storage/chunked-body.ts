import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { StorageError } from "./storage-error.ts";

/** The object's bytes: those of the request, or what is inside of S3's own `aws-chunked` encoding. */
export function objectBytes(request: IncomingMessage): Readable {
  const encodings = (request.headers["content-encoding"] ?? "")
    .split(",")
    .map((name) => name.trim());
  return encodings.includes("aws-chunked") ? Readable.from(decodeChunks(request)) : request;
}

/** `<hex size>[;chunk-signature=…]CRLF<bytes>CRLF`, … until a chunk of no bytes, after which trailers come. */
async function* decodeChunks(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pending: Buffer = Buffer.alloc(0);
  let remaining = 0;
  let isOver = false;
  for await (const piece of source) {
    pending = pending.length === 0 ? piece : Buffer.concat([pending, piece]);
    while (!isOver) {
      if (remaining > 0) {
        if (pending.length === 0) break;
        const bytes = pending.subarray(0, remaining);
        pending = pending.subarray(bytes.length);
        remaining -= bytes.length;
        yield bytes;
        continue;
      }
      // What ends the bytes of the chunk before stands in front of the next size.
      const start = pending.subarray(0, 2).toString("latin1") === "\r\n" ? 2 : 0;
      const end = pending.indexOf("\r\n", start);
      if (end === -1) break;
      const size = Number.parseInt(pending.subarray(start, end).toString("latin1"), 16);
      if (Number.isNaN(size)) throw incomplete();
      pending = pending.subarray(end + 2);
      remaining = size;
      isOver = size === 0;
    }
  }
  if (!isOver) throw incomplete();
}

function incomplete(): StorageError {
  return new StorageError(
    400,
    "IncompleteBody",
    "The body of this request is not in valid aws-chunked form.",
  );
}
