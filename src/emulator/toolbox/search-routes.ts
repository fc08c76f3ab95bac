import { posix } from "node:path";
import { buffer } from "node:stream/consumers";
import type { Match, ReplaceResult, SearchFilesResponse } from "@daytona/toolbox-api-client";
import * as z from "zod/mini";
import { sendJson } from "../http/send.ts";
import { badFileRequest } from "./file-error.ts";
import { goGlob } from "./go-glob.ts";
import { goPathError, goText } from "./go-text.ts";
import {
  daemonPath,
  readDaemonJson,
  type ToolboxCall,
  type ToolboxRoutes,
} from "./toolbox-call.ts";
import { walkFiles } from "./walk-files.ts";

const replaceSchema = z.object({
  files: z.array(z.string()),
  pattern: z.string().check(z.minLength(1)),
  newValue: z.string(),
});

const binaryProbeBytes = 512;
// Go's line scanner gives up on longer lines, and with it on the rest of the file.
const longestLineBytes = 65_536;

/** Find in contents, search by name, replace in contents. */
export function addSearchRoutes(routes: ToolboxRoutes): void {
  routes.add("GET", "/files/find", { handle: findInFiles });
  routes.add("GET", "/files/search", { handle: searchFiles });
  routes.add("POST", "/files/replace", { handle: replaceInFiles });
}

function pathAndPattern({ query }: ToolboxCall): { path: string; pattern: string } {
  const path = query.get("path");
  const pattern = query.get("pattern");
  if (!path || !pattern) throw badFileRequest("path and pattern are required");
  return { path, pattern };
}

async function findInFiles(call: ToolboxCall): Promise<void> {
  const { path, pattern } = pathAndPattern(call);
  const matches: Match[] = [];
  for await (const { path: file, info } of walkFiles(call, path)) {
    if (info.type !== "file" || info.sizeBytes === 0) continue;
    const content = await readWhole(call, file).catch(() => undefined);
    if (content === undefined || content.subarray(0, binaryProbeBytes).includes(0)) continue;
    matches.push(...matchesIn(file, content, pattern));
  }
  sendJson(call.response, 200, matches);
}

function matchesIn(file: string, content: Buffer, pattern: string): Match[] {
  const wanted = Buffer.from(pattern, "utf8");
  const matches: Match[] = [];
  let start = 0;
  for (let line = 1; start < content.length; line += 1) {
    const newline = content.indexOf(10, start);
    const end = newline === -1 ? content.length : newline;
    if (end - start >= longestLineBytes) break;
    const bytes = content.subarray(start, end);
    const text = bytes.at(-1) === 13 ? bytes.subarray(0, -1) : bytes;
    if (text.includes(wanted)) matches.push({ file, line, content: goText(text) });
    start = end + 1;
  }
  return matches;
}

async function searchFiles(call: ToolboxCall): Promise<void> {
  const { path, pattern } = pathAndPattern(call);
  const glob = goGlob(pattern);
  const files: string[] = [];
  for await (const { path: file } of walkFiles(call, path)) {
    if (glob?.test(posix.basename(file) || file)) files.push(file);
  }
  sendJson(call.response, 200, { files } satisfies SearchFilesResponse);
}

async function replaceInFiles(call: ToolboxCall): Promise<void> {
  const json = await readDaemonJson(call).catch(() => undefined);
  const body = replaceSchema.safeParse(json);
  if (!body.success) throw badFileRequest("invalid request body");
  const { files, pattern, newValue } = body.data;
  const results: ReplaceResult[] = [];
  for (const file of files) results.push(await replaceInFile(call, file, pattern, newValue));
  sendJson(call.response, 200, results);
}

async function replaceInFile(
  call: ToolboxCall,
  file: string,
  pattern: string,
  newValue: string,
): Promise<ReplaceResult> {
  try {
    // Latin-1 maps each byte to a character, so that bytes which are no text survive.
    const content = (await readWhole(call, file)).toString("latin1");
    const from = Buffer.from(pattern, "utf8").toString("latin1");
    const to = Buffer.from(newValue, "utf8").toString("latin1");
    const replaced = Buffer.from(content.split(from).join(to), "latin1");
    await call.engine.files.write(daemonPath(call.engine, file), replaced, { mode: 0o644 });
    return { file, success: true };
  } catch (error) {
    return { file, success: false, error: goPathError("open", file, error) };
  }
}

async function readWhole({ engine }: ToolboxCall, path: string): Promise<Buffer> {
  return buffer((await engine.files.read(daemonPath(engine, path))).stream);
}
