import { posix } from "node:path";
import type { Readable } from "node:stream";
import type { UploadedFile } from "@daytona/toolbox-api-client";
import busboy from "busboy";
import { sendEmpty, sendJson } from "../http/send.ts";
import { uploadedFileMode } from "./bulk-upload.ts";
import { requiredPath } from "./file-arguments.ts";
import { badFileRequest, fileError } from "./file-error.ts";
import { daemonPath, type ToolboxCall, type ToolboxRoutes } from "./toolbox-call.ts";

/** The single uploads: the older multipart one, and the newer one that also takes a raw body. */
export function addUploadRoutes(routes: ToolboxRoutes, { newer }: { newer: boolean }): void {
  routes.add("POST", "/files/upload", {
    handle: async (call) => {
      await receive(call, requiredPath(call));
      sendEmpty(call.response, 200);
    },
  });
  if (!newer) return;
  routes.add("POST", "/files/upload-v2", {
    handle: async (call) => {
      const path = requiredPath(call);
      await receive(call, path);
      const name = posix.basename(path);
      sendJson(call.response, 200, { name, path, type: "file" } satisfies UploadedFile);
    },
  });
}

async function receive(call: ToolboxCall, path: string): Promise<void> {
  const { request } = call;
  const isForm = request.headers["content-type"]?.startsWith("multipart/form-data");
  if (!isForm) {
    await store(call, path, request);
    return;
  }
  const form = busboy({ headers: request.headers, defParamCharset: "utf8" });
  let stored: Promise<void> | undefined;
  form.on("file", (name, content) => {
    // Whoever writes it learns of a cut from the stream's end; a part that nobody reads yet must not crash the server.
    content.on("error", () => undefined);
    if (name !== "file" || stored !== undefined) {
      content.resume();
      return;
    }
    stored = store(call, path, content);
    // Awaited below; until then a failure must not count as unhandled.
    stored.catch(() => {});
  });
  await new Promise<void>((resolve, reject) => {
    form.on("error", (error: Error) => reject(badFileRequest(error.message)));
    form.once("close", resolve);
    request.once("aborted", () => form.destroy(new Error("unexpected EOF")));
    request.pipe(form);
  });
  if (stored === undefined) throw badFileRequest("http: no such file");
  await stored;
}

async function store({ engine }: ToolboxCall, path: string, content: Readable): Promise<void> {
  const absolute = daemonPath(engine, path);
  try {
    await engine.files.makeDirectory(posix.dirname(absolute), { recursive: true, mode: 0o755 });
    await engine.files.write(absolute, content, { mode: uploadedFileMode });
  } catch (error) {
    content.resume();
    throw badFileRequest(fileError("open", path, error).message);
  }
}
