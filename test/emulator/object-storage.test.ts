import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Image } from "@daytonaio/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";

let emulator: DaytonaEmulator;
let folder: string;
beforeAll(async () => {
  emulator = await startEmulator({
    apiKeys: [
      { key: "builder" },
      { key: "reader", permissions: [] },
      { key: "stranger", organizationId: "11111111-0000-4000-8000-000000000001" },
    ],
  });
  folder = await mkdtemp(join(tmpdir(), "object-storage-"));
});
afterAll(async () => {
  await emulator.close();
  await rm(folder, { recursive: true });
});

async function pushAccess(
  key: string,
): Promise<{ status: number; access: Record<string, string> }> {
  const response = await fetch(`${emulator.url}/object-storage/push-access`, {
    headers: { authorization: `Bearer ${key}` },
  });
  return { status: response.status, access: (await response.json()) as Record<string, string> };
}

/** A request as an S3 client makes it, with whatever is wrong with it. */
function storage(
  access: Record<string, string>,
  path: string,
  init: RequestInit & { readonly headers?: Record<string, string> } = {},
): Promise<Response> {
  return fetch(`${access.storageUrl}/${access.bucket}/${path}`, {
    ...init,
    headers: {
      authorization: `AWS4-HMAC-SHA256 Credential=${access.accessKey}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0`,
      "x-amz-security-token": access.sessionToken ?? "",
      ...init.headers,
    },
  });
}

// Steps are run, which needs isolation.
const { available } = await LocalEngine.probe();

test.skipIf(!available)("the official SDK uploads a large context in parts, once", async () => {
  const size = 6 * 1024 * 1024 + 17;
  await writeFile(join(folder, "large.bin"), randomBytes(size));
  const image = Image.base("debian:12").addLocalFile(join(folder, "large.bin"), "/large.bin");
  const daytona = sdkClient(emulator);
  for (const name of ["first", "second"]) {
    const sandbox = await daytona.create({ name, image }, { timeout: 60 });
    const { result } = await sandbox.process.executeCommand("stat -c %s /large.bin");
    expect(result).toBe(`${size}\n`);
    await sandbox.delete(60, true);
  }
  const requests = emulator.requests.list({ surface: "storage" });
  expect(requests.every(({ status }) => status === 200)).toBe(true);
  expect(requests.filter(({ method }) => method === "PUT")).toHaveLength(2);
  expect(requests.filter(({ method }) => method === "POST")).toHaveLength(2);
  // The second time it only looks.
  expect(requests.at(-1)).toMatchObject({ method: "GET" });
});

describe("access", () => {
  test("needs the right to write, and is for one organisation", async () => {
    expect((await pushAccess("reader")).status).toBe(403);
    const { access } = await pushAccess("builder");
    const stranger = (await pushAccess("stranger")).access;
    const key = `${access.organizationId}/abc/context.tar`;
    expect((await storage(access, key, { method: "PUT", body: "bytes" })).status).toBe(200);
    const list = `?list-type=2&prefix=${access.organizationId}/abc/`;
    expect(await (await storage(access, list)).text()).toContain("<KeyCount>1</KeyCount>");
    expect((await storage(access, key, { method: "HEAD" })).headers.get("content-length")).toBe(
      "5",
    );
    expect(await (await storage(access, key)).text()).toBe("bytes");
    for (const path of [key, list]) {
      const refused = await storage(stranger, path);
      expect(refused.status).toBe(403);
      expect(await refused.text()).toContain("<Code>AccessDenied</Code>");
    }
    const forged = { ...access, sessionToken: "forged" };
    expect((await storage(forged, key)).status).toBe(403);
    expect((await storage({ ...access, accessKey: "unknown" }, key)).status).toBe(403);
    expect((await storage({ ...access, bucket: "other" }, key)).status).toBe(404);
  });

  test("v0.190 does not tell the region", async () => {
    expect((await pushAccess("builder")).access.region).toBe("us-east-1");
    await using older = await startEmulator({ profile: "v0.190" });
    const response = await fetch(`${older.url}/object-storage/push-access`, {
      headers: { authorization: `Bearer ${older.apiKey}` },
    });
    expect(await response.json()).not.toHaveProperty("region");
  });
});

test("damaged, unfinished and unknown uploads leave nothing", async () => {
  const { access } = await pushAccess("builder");
  const key = `${access.organizationId}/damaged/context.tar`;
  const put = async (body: string, headers: Record<string, string>) => {
    const response = await storage(access, key, { method: "PUT", body, headers });
    return /<Code>(.*)<\/Code>/.exec(await response.text())?.[1];
  };
  expect(await put("x", { "x-amz-content-sha256": "0".repeat(64) })).toBe(
    "XAmzContentSHA256Mismatch",
  );
  expect(await put("x", { "x-amz-checksum-crc32": "AAAAAA==" })).toBe("BadDigest");
  expect(await put("3\r\nab", { "content-encoding": "aws-chunked" })).toBe("IncompleteBody");
  expect((await storage(access, key)).status).toBe(404);
  const unknown = await storage(access, `${key}?uploadId=00000000-0000-4000-8000-000000000000`, {
    method: "DELETE",
  });
  expect(await unknown.text()).toContain("NoSuchUpload");
  expect(
    await put("3;chunk-signature=0\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", {
      "content-encoding": "aws-chunked",
    }),
  ).toBeUndefined();
  expect(await (await storage(access, key)).text()).toBe("abcde");
});
