import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { readBody } from "../http/read-body.ts";
import { sendEmpty, sendText } from "../http/send.ts";
import { objectBytes } from "./chunked-body.ts";
import type { ExpectedContent, ObjectStore } from "./object-store.ts";
import type { PushAccesses } from "./push-access.ts";
import { accessDenied, noSuchKey, StorageError } from "./storage-error.ts";
import { element, s3Document } from "./xml.ts";

/** Path on the emulator's origin below which its object storage is. */
export const storagePath = "/storage";
export const bucket = "daytona-volume-builds";
export const storageRegion = "us-east-1";

const xml = "application/xml";
const mostKeys = 1000;

export interface ObjectStorage {
  readonly store: ObjectStore;
  readonly accesses: PushAccesses;
}

/** As much of S3 as uploads of image contexts need, in path style: list, put, multipart, get, head. */
export async function handleStorage(
  storage: ObjectStorage,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  try {
    await serve(storage, request, response, url);
  } catch (error) {
    if (!(error instanceof StorageError) || response.headersSent) throw error;
    request.resume();
    sendText(response, error.status, error.toXml(), xml);
  }
}

async function serve(
  { store, accesses }: ObjectStorage,
  request: IncomingMessage,
  response: ServerResponse,
  { pathname, searchParams: query }: URL,
): Promise<void> {
  const { organizationId } = accesses.ofRequest(request);
  const [, requestedBucket = "", encodedKey = ""] =
    /^\/storage\/([^/]+)(?:\/(.*))?$/s.exec(pathname) ?? [];
  if (requestedBucket !== bucket)
    throw new StorageError(404, "NoSuchBucket", "The specified bucket does not exist");
  const key = decodeURIComponent(encodedKey);
  const method = request.method ?? "GET";
  if (key === "") {
    if (method !== "GET" || query.get("list-type") !== "2") throw notImplemented(method);
    const prefix = query.get("prefix") ?? "";
    if (prefix !== organizationId && !prefix.startsWith(`${organizationId}/`)) throw accessDenied();
    sendText(response, 200, await listing(store, prefix, query), xml);
    return;
  }
  if (!key.startsWith(`${organizationId}/`)) throw accessDenied();
  await serveObject(store, key, method, request, response, query);
}

async function serveObject(
  store: ObjectStore,
  key: string,
  method: string,
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
): Promise<void> {
  const uploadId = query.get("uploadId");
  if (method === "PUT") {
    const content = objectBytes(request);
    const expected = expectedContent(request);
    const part = Number(query.get("partNumber"));
    const written =
      uploadId === null
        ? await store.put(key, content, expected)
        : await store.putPart(uploadId, checkPart(part), content, expected);
    response.setHeader("etag", written.etag);
    sendEmpty(response, 200);
  } else if (method === "POST" && query.has("uploads")) {
    request.resume();
    const names = element("Bucket", bucket) + element("Key", key);
    const inner = names + element("UploadId", await store.beginUpload());
    sendText(response, 200, s3Document("InitiateMultipartUploadResult", inner), xml);
  } else if (method === "POST" && uploadId !== null) {
    const body = (await readBody(request)).toString("utf8");
    const parts = [...body.matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)].map(([, n]) => Number(n));
    const { etag } = await store.completeUpload(uploadId, key, parts);
    const inner = element("Bucket", bucket) + element("Key", key) + element("ETag", etag);
    sendText(response, 200, s3Document("CompleteMultipartUploadResult", inner), xml);
  } else if (method === "DELETE" && uploadId !== null) {
    await store.abortUpload(uploadId);
    sendEmpty(response, 204);
  } else if (method === "HEAD") {
    const object = await store.find(key);
    if (!object) throw noSuchKey();
    response.writeHead(200, { "content-length": object.sizeBytes });
    response.end();
  } else if (method === "GET") {
    const { object, stream } = await store.open(key);
    response.writeHead(200, { "content-length": object.sizeBytes });
    await pipeline(stream, response);
  } else throw notImplemented(method);
}

async function listing(
  store: ObjectStore,
  prefix: string,
  query: URLSearchParams,
): Promise<string> {
  const asked = Number(query.get("max-keys") ?? mostKeys);
  const limit = Number.isInteger(asked) && asked >= 0 ? Math.min(asked, mostKeys) : mostKeys;
  const objects = await store.list(prefix);
  const shown = objects.slice(0, limit);
  const contents = shown.map(
    ({ key, sizeBytes, modifiedAt }) =>
      `<Contents>${element("Key", key)}${element("LastModified", modifiedAt.toISOString())}${element("Size", sizeBytes)}</Contents>`,
  );
  return s3Document(
    "ListBucketResult",
    [
      element("Name", bucket),
      element("Prefix", prefix),
      element("KeyCount", shown.length),
      element("MaxKeys", limit),
      element("IsTruncated", objects.length > shown.length),
      ...contents,
    ].join(""),
  );
}

function expectedContent({ headers }: IncomingMessage): ExpectedContent {
  const sha256 = headers["x-amz-content-sha256"];
  const crc32 = headers["x-amz-checksum-crc32"];
  return {
    sha256Hex: typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256) ? sha256 : undefined,
    crc32Base64: typeof crc32 === "string" ? crc32 : undefined,
  };
}

function checkPart(part: number): number {
  if (Number.isInteger(part) && part >= 1 && part <= 10_000) return part;
  throw new StorageError(
    400,
    "InvalidArgument",
    "Part number must be an integer between 1 and 10000",
  );
}

function notImplemented(method: string): StorageError {
  return new StorageError(
    501,
    "NotImplemented",
    `The emulator does not implement this ${method} of object storage`,
  );
}
