import { posix } from "node:path";
import type { Readable } from "node:stream";
import busboy from "busboy";
import { sendJson } from "../http/send.ts";
import { errorCode, goErrorText } from "./go-text.ts";
import { daemonPath, type ToolboxCall, type ToolboxRoutes } from "./toolbox-call.ts";

interface UploadResult {
  readonly files: { path: string; bytes: number }[];
  readonly errors: string[];
}

export const uploadedFileMode = 0o644;
const parentMode = 0o755;

export function addBulkUploadRoute(routes: ToolboxRoutes): void {
  routes.add("POST", "/files/bulk-upload", { handle: bulkUpload });
}

/** Streams each file part to the path that the field before it names. Partial success is possible. */
async function bulkUpload(call: ToolboxCall): Promise<void> {
  const { request, response } = call;
  let form: busboy.Busboy;
  try {
    form = busboy({ headers: request.headers, defParamCharset: "utf8", preservePath: true });
  } catch {
    request.resume();
    sendJson(response, 400, { errors: ["invalid multipart form"] });
    return;
  }
  const { files, errors } = await receiveParts(call, form);
  if (errors.length > 0)
    sendJson(response, 400, { errors, files: files.length > 0 ? files : null });
  else sendJson(response, 200, { files });
}

async function receiveParts(call: ToolboxCall, form: busboy.Busboy): Promise<UploadResult> {
  const destinations = new Map<string, string>();
  const result: UploadResult = { files: [], errors: [] };
  // One part after another, as they come: a path that is named twice holds what came last.
  let writing = Promise.resolve();

  form.on("field", (name, value) => {
    if (!name.endsWith(".path")) return;
    const index = indexOf(name);
    // Only the older daemon trims, so that a name which ends in a blank is written without it.
    const destination = call.profile.newerRoutes ? value : value.trim();
    if (destination.trim() === "") result.errors.push(`path[${index}]: empty path`);
    else destinations.set(index, destination);
  });
  form.on("file", (name, content) => {
    // Whoever writes it learns of a cut from the stream's end; a part that nobody reads yet must not crash the server.
    content.on("error", () => undefined);
    const index = indexOf(name);
    const destination = destinations.get(index);
    if (!name.endsWith(".file")) {
      content.resume();
    } else if (destination === undefined) {
      result.errors.push(`file[${index}]: missing .path metadata`);
      content.resume();
    } else {
      writing = writing.then(() => writePart(call, destination, content, result));
    }
  });
  await new Promise<void>((resolve) => {
    // Not `once`: the parser may complain about the cut that it was told of.
    form.on("error", (error: Error) => {
      result.errors.push(`reading part: ${error.message}`);
      resolve();
    });
    form.once("close", resolve);
    // A connection that is cut leaves what had arrived.
    call.request.once("aborted", () => form.destroy(new Error("unexpected EOF")));
    call.request.pipe(form);
  });
  await writing;
  return result;
}

async function writePart(
  { engine }: ToolboxCall,
  destination: string,
  content: Readable,
  result: UploadResult,
): Promise<void> {
  const path = daemonPath(engine, destination);
  const directory = posix.dirname(path);
  try {
    await engine.files.makeDirectory(directory, { recursive: true, mode: parentMode });
  } catch (error) {
    content.resume();
    result.errors.push(
      `${destination}: mkdir ${directory}: mkdir ${directory}: ${goErrorText(error)}`,
    );
    return;
  }
  try {
    const bytes = await engine.files.write(path, content, { mode: uploadedFileMode });
    result.files.push({ path: destination, bytes });
  } catch (error) {
    content.resume();
    const step = isWriteFailure(error) ? "write: write" : "create: open";
    result.errors.push(`${destination}: ${step} ${destination}: ${goErrorText(error)}`);
  }
}

/** The file was opened and its content did not get in whole: a short file stays. */
function isWriteFailure(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT", "EFBIG", "EIO"].includes(errorCode(error) ?? "");
}

/** `files[3].path` → `3`. */
function indexOf(fieldName: string): string {
  return fieldName.replace(/^files\[/, "").replace(/\]\.(?:path|file)$/, "");
}
