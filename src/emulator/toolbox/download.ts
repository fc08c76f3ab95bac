import { posix } from "node:path";
import { pipeline } from "node:stream/promises";
import { sendEmpty } from "../http/send.ts";
import { contentDisposition } from "./content-disposition.ts";
import { requiredPath, statFile } from "./file-arguments.ts";
import { badFileRequest, fileError } from "./file-error.ts";
import { daemonPath, type ToolboxCall, type ToolboxRoutes } from "./toolbox-call.ts";

export function addDownloadRoute(routes: ToolboxRoutes): void {
  routes.add("GET", "/files/download", { handle: download });
  routes.add("HEAD", "/files/download", { handle: download });
}

/** One file as an octet stream, whole or in one byte range. */
async function download(call: ToolboxCall): Promise<void> {
  const { engine, request, response } = call;
  const path = requiredPath(call);
  const info = await statFile(call, path);
  if (info.type === "directory") throw badFileRequest("path must be a file");
  const headers: Record<string, string | number> = {
    "accept-ranges": "bytes",
    "cache-control": "must-revalidate",
    "content-disposition": contentDisposition("attachment", posix.basename(path)),
    "content-type": "application/octet-stream",
    "last-modified": info.modifiedAt.toUTCString(),
  };
  const range = parseRange(request.headers.range, info.sizeBytes);
  if (range === "unsatisfiable") {
    response.setHeader("content-range", `bytes */${info.sizeBytes}`);
    sendEmpty(response, 416);
    return;
  }
  const { start, end } = range ?? { start: 0, end: info.sizeBytes };
  headers["content-length"] = end - start;
  if (range) headers["content-range"] = `bytes ${start}-${end - 1}/${info.sizeBytes}`;
  const file = await engine.files
    .read(daemonPath(engine, path), { start, end })
    .catch((error: unknown) => {
      throw fileError("open", path, error);
    });
  response.writeHead(range ? 206 : 200, headers);
  if (request.method === "HEAD") {
    file.stream.destroy();
    response.end();
    return;
  }
  await pipeline(file.stream, response);
}

/** A single `bytes=` range with exclusive end. Anything else is ignored, as HTTP allows. */
function parseRange(
  header: string | undefined,
  sizeBytes: number,
): { readonly start: number; readonly end: number } | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (!match) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === "" || last === "" ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  return start < end ? { start, end } : "unsatisfiable";
}
