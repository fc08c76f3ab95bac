import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { text as streamText } from "node:stream/consumers";
import busboy from "busboy";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { DaytonaEmulator, ServerProfileName } from "../../src/emulator/index.ts";
import { patiently } from "./patiently.ts";
import { startEmulator } from "./start-emulator.ts";
import { WireClient } from "./wire-client.ts";

/** The parts of a multipart answer, read as the SDK reads them. */
async function partsOf(response: Response) {
  const contentType = response.headers.get("content-type") ?? "";
  const form = busboy({ headers: { "content-type": contentType }, preservePath: true });
  const parts: Promise<{ name: string; fileName: string | undefined; text: string }>[] = [];
  form.on("file", (name, content, { filename: fileName }) => {
    parts.push(streamText(content).then((text) => ({ name, fileName, text })));
  });
  form.end(Buffer.from(await response.arrayBuffer()));
  await once(form, "close");
  return Promise.all(parts);
}

describe.each<ServerProfileName>(["cloud", "v0.190"])("transfers on %s", (profile) => {
  const isCloud = profile === "cloud";
  let emulator: DaytonaEmulator;
  let client: WireClient;
  let id: string;
  let toolbox: string;
  let authorization: string;
  beforeAll(async () => {
    emulator = await startEmulator({ profile });
    client = new WireClient(emulator);
    id = await client.create();
    toolbox = `${emulator.url.replace(/\/api$/, "")}/toolbox/${id}`;
    authorization = `Bearer ${emulator.apiKey}`;
  });
  afterAll(async () => {
    await emulator.close();
  });

  const form = (...parts: [name: string, value: string][]) => {
    const data = new FormData();
    for (const [name, value] of parts) {
      if (name.endsWith("file")) data.append(name, new Blob([value]), "base-name");
      else data.append(name, value);
    }
    return data;
  };
  const read = async (path: string) => {
    const query = new URLSearchParams({ path });
    return (await client.toolbox("GET", id, `/files/download?${query}`)).text;
  };

  test("bulk upload makes parents and truncates; the destination is trimmed only by 0.190", async () => {
    const upload = await client.toolbox(
      "POST",
      id,
      "/files/bulk-upload",
      form(
        ["files[0].path", "up/load/a"],
        ["files[0].file", "long content"],
        ["files[1].path", "up/load/blank "],
        ["files[1].file", "b"],
        ["files[2].path", "up/load/a"],
        ["files[2].file", "short"],
      ),
    );
    const blank = isCloud ? "up/load/blank " : "up/load/blank";
    expect(upload.status).toBe(200);
    expect(upload.body.files).toEqual(
      expect.arrayContaining([
        { path: "up/load/a", bytes: 12 },
        { path: blank, bytes: 1 },
        { path: "up/load/a", bytes: 5 },
      ]),
    );
    expect(await read("up/load/a")).toBe("short");
    expect(await read(blank)).toBe("b");
  });

  test("a failing part is 400 with its reason, and the others arrive", async () => {
    await client.execute(id, "mkdir -p isdir");
    const upload = await client.toolbox(
      "POST",
      id,
      "/files/bulk-upload",
      form(
        ["files[0].path", "isdir"],
        ["files[0].file", "x"],
        ["files[1].file", "no path before it"],
        ["files[2].path", "arrived"],
        ["files[2].file", "y"],
      ),
    );
    expect(upload.status).toBe(400);
    expect(upload.body.errors).toEqual(
      expect.arrayContaining([
        "isdir: create: open isdir: is a directory",
        "file[1]: missing .path metadata",
      ]),
    );
    expect(upload.body.files).toEqual([{ path: "arrived", bytes: 1 }]);
    const noForm = await client.toolbox("POST", id, "/files/bulk-upload", { not: "a form" });
    expect(noForm).toMatchObject({ status: 400, body: { errors: ["invalid multipart form"] } });
  });

  test("an upload that is cut off leaves a short file", async () => {
    const boundary = "cut";
    const request = httpRequest(`${toolbox}/files/bulk-upload`, {
      method: "POST",
      headers: { authorization, "content-type": `multipart/form-data; boundary=${boundary}` },
    });
    request.on("error", () => {});
    const part = (disposition: string) =>
      `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`;
    request.write(`${part('name="files[0].path"')}cut-off\r\n`);
    request.write(`${part('name="files[0].file"; filename="x"')}${"x".repeat(100_000)}`);
    await vi.waitFor(
      async () => expect((await read("cut-off")).length).toBeGreaterThan(0),
      patiently,
    );
    request.destroy();
    await vi.waitFor(async () => {
      // The sandbox goes on, and the file is what had arrived.
      expect((await client.execute(id, "wc -c < cut-off")).body.result.trim()).toMatch(/^\d+$/);
    }, patiently);
  });

  test("bulk download sends a part for each path, under the name that was asked for", async () => {
    await client.execute(id, "mkdir -p dl; printf 'abc' > 'dl/ö \"x\".txt'");
    const path = 'dl/ö "x".txt';
    const response = await fetch(`${toolbox}/files/bulk-download`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({ paths: [path, "missing", "dl"] }),
    });
    const contentType = response.headers.get("content-type") ?? "";
    if (isCloud) expect(contentType).toMatch(/boundary=[\da-f]{60}$/);
    else expect(contentType).toMatch(/boundary=DAYTONA-FILE-BOUNDARY$/);
    const parts = await partsOf(response);
    expect(parts.map(({ name }) => name)).toEqual(["file", "error", "error"]);
    expect(parts[0]).toEqual({ name: "file", fileName: path, text: "abc" });
    expect(parts.slice(1).map(({ text }) => JSON.parse(text))).toMatchObject([
      { statusCode: 404, code: "FILE_NOT_FOUND", path: "missing", method: "POST" },
      { statusCode: 400, code: "INVALID_FILE_PATH", path: "dl" },
    ]);
    const noPath = await client.toolbox("POST", id, "/files/bulk-download", { paths: [""] });
    expect(noPath.text).toContain('"message":"invalid file path: path is empty"');
    const empty = await client.toolbox("POST", id, "/files/bulk-download", { paths: [] });
    expect(empty).toMatchObject({ status: 400, body: { error: expect.any(String) } });
  });

  test("big files pass through in both directions, byte by byte", async () => {
    const bytes = randomBytes(8_000_000);
    const data = new FormData();
    data.append("files[0].path", "big");
    data.append("files[0].file", new Blob([bytes]), "big");
    expect((await client.toolbox("POST", id, "/files/bulk-upload", data)).status).toBe(200);
    const download = await fetch(`${toolbox}/files/download?path=big`, {
      headers: { authorization },
    });
    expect(Buffer.from(await download.arrayBuffer()).equals(bytes)).toBe(true);
  });

  test.each([
    ["bytes=2-4", 206, "cde", "bytes 2-4/10"],
    ["bytes=7-", 206, "hij", "bytes 7-9/10"],
    ["bytes=-2", 206, "ij", "bytes 8-9/10"],
    ["bytes=8-100", 206, "ij", "bytes 8-9/10"],
    ["bytes=10-", 416, "", "bytes */10"],
    ["lines=1-2", 200, "abcdefghij", null],
  ])("a range of %s is %i", async (range, status, text, contentRange) => {
    await client.execute(id, "printf abcdefghij > ranged");
    const response = await fetch(`${toolbox}/files/download?path=ranged`, {
      headers: { authorization, range },
    });
    expect(response.status).toBe(status);
    expect(await response.text()).toBe(text);
    expect(response.headers.get("content-range")).toBe(contentRange);
  });

  test("upload-v2 and signing keys exist only on the newer server", async () => {
    const upload = await fetch(`${toolbox}/files/upload-v2?path=v2/raw`, {
      method: "POST",
      headers: { authorization, "content-type": "application/octet-stream" },
      body: "raw body",
    });
    const key = await client.api("GET", `/sandbox/${id}/signing-key`);
    if (isCloud) {
      expect(await upload.json()).toEqual({ name: "raw", path: "v2/raw", type: "file" });
      expect(await read("v2/raw")).toBe("raw body");
      expect(key.body).toMatch(/^[\w-]{43}$/);
    } else {
      expect(upload.status).toBe(404);
      expect(await upload.text()).toBe("404 page not found");
      expect(key.status).toBe(404);
    }
    const older = await client.toolbox("POST", id, "/files/upload?path=v1", form(["file", "v1"]));
    expect(older.status).toBe(200);
    expect(await read("v1")).toBe("v1");
  });
});
