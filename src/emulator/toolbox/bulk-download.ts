import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import * as z from "zod/mini";
import { sendJson } from "../http/send.ts";
import { contentDisposition } from "./content-disposition.ts";
import { contentTypeOf } from "./content-type.ts";
import { errorCode, goPathError } from "./go-text.ts";
import {
  daemonPath,
  readDaemonJson,
  type ToolboxCall,
  type ToolboxRoutes,
} from "./toolbox-call.ts";

const downloadSchema = z.object({ paths: z.array(z.string()).check(z.minLength(1)) });

// The older daemon's boundary is fixed: a file that contains it is cut silently for the client.
const fixedBoundary = "DAYTONA-FILE-BOUNDARY";

interface PartFailure {
  readonly statusCode: number;
  readonly code: string;
  readonly message: string;
}

export function addBulkDownloadRoute(routes: ToolboxRoutes): void {
  routes.add("POST", "/files/bulk-download", { handle: bulkDownload });
}

/** One part per path: `file` with the bytes, or `error` with the reason as JSON. */
async function bulkDownload(call: ToolboxCall): Promise<void> {
  const { response, profile } = call;
  const body = downloadSchema.safeParse(await readDaemonJson(call).catch(() => undefined));
  if (!body.success) {
    const error = 'request body must be {"paths": [ ... ]} and non-empty';
    sendJson(response, 400, { error });
    return;
  }
  const boundary = profile.newerRoutes ? randomBytes(30).toString("hex") : fixedBoundary;
  response.writeHead(200, { "content-type": `multipart/form-data; boundary=${boundary}` });
  let separator = `--${boundary}\r\n`;
  for (const path of body.data.paths) {
    await write(response, separator);
    separator = `\r\n--${boundary}\r\n`;
    await writePart(call, path);
  }
  response.end(`\r\n--${boundary}--\r\n`);
}

async function writePart(call: ToolboxCall, path: string): Promise<void> {
  const { engine, response } = call;
  let file: { readonly sizeBytes: number; readonly stream: Readable };
  try {
    if (path === "") throw Object.assign(new Error(), { code: "EINVAL" });
    file = await engine.files.read(daemonPath(engine, path));
  } catch (error) {
    await writeErrorPart(call, path, failureOf(path, error));
    return;
  }
  const headers = [
    `Content-Disposition: ${contentDisposition("form-data", path, "file")}`,
    `Content-Length: ${file.sizeBytes}`,
    `Content-Type: ${contentTypeOf(path)}`,
  ];
  await write(response, `${headers.join("\r\n")}\r\n\r\n`);
  // A failure in the middle of a part must end the connection, or a short file would look whole.
  for await (const chunk of file.stream) await write(response, chunk as Buffer);
}

async function writeErrorPart(
  { response, request }: ToolboxCall,
  path: string,
  failure: PartFailure,
): Promise<void> {
  const headers = [
    `Content-Disposition: ${contentDisposition("form-data", path, "error")}`,
    "Content-Type: application/json; charset=utf-8",
  ];
  const timestamp = new Date().toISOString();
  const error = { ...failure, timestamp, path, method: request.method };
  await write(response, `${headers.join("\r\n")}\r\n\r\n${JSON.stringify(error)}`);
}

function failureOf(path: string, error: unknown): PartFailure {
  switch (errorCode(error) ?? "") {
    case "ENOENT":
      return { statusCode: 404, code: "FILE_NOT_FOUND", message: `file not found: ${path}` };
    case "EACCES":
    case "EPERM":
      return {
        statusCode: 403,
        code: "FILE_ACCESS_DENIED",
        message: `permission denied: ${path}`,
      };
    case "EISDIR":
      return {
        statusCode: 400,
        code: "INVALID_FILE_PATH",
        message: `invalid file path: path points to a directory: ${path}`,
      };
    case "EINVAL":
      return {
        statusCode: 400,
        code: "INVALID_FILE_PATH",
        message: "invalid file path: path is empty",
      };
    default: {
      const message = `failed to open file: ${goPathError("open", path, error)}`;
      return { statusCode: 500, code: "FILE_READ_FAILED", message };
    }
  }
}

/** Writes with back-pressure; rejects when the client is gone. */
async function write(response: ServerResponse, data: string | Buffer): Promise<void> {
  if (response.destroyed) throw new Error("The client is gone");
  if (response.write(data)) return;
  const done = new AbortController();
  try {
    await Promise.race([
      once(response, "drain", { signal: done.signal }),
      once(response, "close", { signal: done.signal }),
    ]);
  } finally {
    done.abort();
  }
}
