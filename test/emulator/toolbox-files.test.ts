import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DaytonaEmulator, ServerProfileName } from "../../src/emulator/index.ts";
import { patiently } from "./patiently.ts";
import { startEmulator } from "./start-emulator.ts";
import { WireClient } from "./wire-client.ts";

describe.each<ServerProfileName>(["cloud", "v0.190"])("files on %s", (profile) => {
  const isCloud = profile === "cloud";
  let emulator: DaytonaEmulator;
  let client: WireClient;
  let id: string;
  let home: string;
  beforeAll(async () => {
    emulator = await startEmulator({ profile });
    client = new WireClient(emulator);
    id = await client.create();
    home = (await client.toolbox("GET", id, "/user-home-dir")).body.dir;
    await client.execute(
      id,
      [
        "cd; umask 022; mkdir -p tree/deep/er; printf 'one\\ntwo needle\\r\\n' > tree/a.txt",
        "printf 'needle\\000' > tree/binary; printf 'no\\nneedle' > tree/deep/b.ts",
        "ln -s a.txt tree/link; ln -s nowhere tree/dangling; chmod 4755 tree/binary",
      ].join("\n"),
    );
  });
  afterAll(async () => {
    await emulator.close();
  });

  const call = (method: string, path: string, query: Record<string, string>, body?: unknown) =>
    client.toolbox(method, id, `${path}?${new URLSearchParams(query)}`, body);

  test("info", async () => {
    const { body } = await call("GET", "/files/info", { path: `${home}/tree/a.txt` });
    expect(body).toEqual({
      name: "a.txt",
      ...(isCloud ? { path: `${home}/tree/a.txt` } : {}),
      size: 16,
      mode: "-rw-r--r--",
      permissions: "0644",
      isDir: false,
      modTime: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC$/),
      modifiedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
      owner: expect.stringMatching(/^\d+$/),
      group: expect.stringMatching(/^\d+$/),
    });
    expect((await call("GET", "/files/info", { path: "tree" })).body).toMatchObject({
      mode: "drwxr-xr-x",
      isDir: true,
    });
    expect((await call("GET", "/files/info", { path: "tree/binary" })).body).toMatchObject({
      mode: "urwxr-xr-x",
      permissions: "0755",
    });
  });

  test("lists follow links, leave out dangling ones, and know depth only on the newer server", async () => {
    const list = async (query: Record<string, string>) =>
      (await call("GET", "/files", query)).body.map(({ name }: { name: string }) => name);
    expect(await list({ path: "tree" })).toEqual(["a.txt", "binary", "deep", "link"]);
    expect(await list({ path: "tree", depth: "2" })).toEqual(
      isCloud
        ? ["a.txt", "binary", "deep", "b.ts", "er", "link"]
        : ["a.txt", "binary", "deep", "link"],
    );
    expect(await list({})).toContain("tree");
  });

  test.each([
    ["GET", "/files/info", { path: "nope" }, 404, "FILE_NOT_FOUND", /^stat nope: no such file/],
    ["GET", "/files/info", {}, 400, "BAD_REQUEST", /^path is required$/],
    ["GET", "/files", { path: "nope" }, 404, "FILE_NOT_FOUND", /^open nope: no such file/],
    ["GET", "/files", { path: "tree/a.txt" }, 400, "BAD_REQUEST", /not a directory$/],
    ["DELETE", "/files", { path: "nope" }, 404, "FILE_NOT_FOUND", /^stat nope/],
    ["DELETE", "/files", { path: "tree/dangling" }, 404, "FILE_NOT_FOUND", /^stat tree/],
    ["DELETE", "/files", { path: "tree/deep" }, 400, "BAD_REQUEST", /without recursive flag$/],
    ["DELETE", "/files", {}, 400, "BAD_REQUEST", /^path is required$/],
    ["GET", "/files/download", { path: "nope" }, 404, "FILE_NOT_FOUND", /^stat nope/],
    ["GET", "/files/download", { path: "tree" }, 400, "BAD_REQUEST", /^path must be a file$/],
    ["POST", "/files/move", { source: "nope", destination: "x" }, 404, "FILE_NOT_FOUND", /nope/],
    [
      "POST",
      "/files/move",
      { source: "tree/a.txt", destination: "no/x" },
      404,
      "FILE_NOT_FOUND",
      /no such file/,
    ],
    [
      "POST",
      "/files/move",
      { source: "tree/a.txt", destination: "tree/deep" },
      409,
      "CONFLICT",
      /^destination already exists$/,
    ],
    [
      "POST",
      "/files/folder",
      { path: "x", mode: "9" },
      400,
      "BAD_REQUEST",
      /^invalid mode format$/,
    ],
    [
      "POST",
      "/files/permissions",
      { path: "tree/a.txt", owner: "no-such-user" },
      400,
      "BAD_REQUEST",
      /^user not found$/,
    ],
    ["POST", "/files/permissions", { path: "nope" }, 404, "FILE_NOT_FOUND", /^stat nope/],
    ["GET", "/files/find", { path: "x" }, 400, "BAD_REQUEST", /are required$/],
  ] as const)("%s %s %j is %i", async (method, path, query, status, code, message) => {
    const answer = await call(method, path, query);
    expect(answer.status).toBe(status);
    if (isCloud) {
      expect(answer.body).toMatchObject({
        statusCode: status,
        source: "DAYTONA_DAEMON",
        code,
        message: expect.stringMatching(message),
        path,
        method,
      });
    } else {
      expect(answer.text).toBe("");
    }
  });

  test("folders, permissions, move and delete", async () => {
    expect((await call("POST", "/files/folder", { path: "new/er/est", mode: "0777" })).status).toBe(
      201,
    );
    expect((await call("POST", "/files/folder", { path: "new/er/est" })).status).toBe(201);
    // The umask applies.
    expect((await call("GET", "/files/info", { path: "new/er" })).body.permissions).toBe("0755");
    await client.execute(id, "touch new/f");
    const permissions = { path: "new/f", mode: "6711" };
    expect((await call("POST", "/files/permissions", permissions)).status).toBe(200);
    expect((await call("GET", "/files/info", { path: "new/f" })).body.mode).toBe("-rwx--x--x");
    const move = { source: "new/f", destination: "new/g" };
    expect((await call("POST", "/files/move", move)).status).toBe(200);
    expect((await call("GET", "/files/info", { path: "new/f" })).status).toBe(404);
    expect((await call("DELETE", "/files", { path: "new/g" })).status).toBe(204);
    const all = { path: "new", recursive: "true" };
    expect((await call("DELETE", "/files", all)).status).toBe(204);
    expect((await call("GET", "/files/info", { path: "new" })).status).toBe(404);
  });

  test("find, search and replace", async () => {
    const find = (path: string) => call("GET", "/files/find", { path, pattern: "needle" });
    expect((await find("tree")).body).toEqual([
      { file: "tree/a.txt", line: 2, content: "two needle" },
      { file: "tree/deep/b.ts", line: 2, content: "needle" },
    ]);
    expect((await find(`${home}/tree/a.txt`)).body).toHaveLength(1);
    expect(await find("missing")).toMatchObject({ status: 200, body: [] });

    const search = (path: string, pattern: string) =>
      call("GET", "/files/search", { path, pattern });
    expect((await search("tree", "*.t?*")).body).toEqual({
      files: ["tree/a.txt", "tree/deep/b.ts"],
    });
    expect((await search("tree", "[dt]*e*")).body.files).toEqual(["tree", "tree/deep"]);
    expect((await search("missing", "*")).body).toEqual({ files: [] });
    expect((await search("tree", "[")).body).toEqual({ files: [] });

    await client.execute(id, "printf 'a$1b\\377' > r.txt");
    const replaced = await call(
      "POST",
      "/files/replace",
      {},
      { files: ["r.txt", "missing"], pattern: "$1", newValue: "$&$&" },
    );
    expect(replaced.body).toEqual([
      { file: "r.txt", success: true },
      { file: "missing", success: false, error: "open missing: no such file or directory" },
    ]);
    const bytes = await client.execute(id, "od -An -c r.txt | tr -d ' '");
    expect(bytes.body.result).toBe("a$&$&b377\n");
  });

  test("ports", async () => {
    const server = 'require("net").createServer().listen(4321, "127.0.0.1")';
    expect((await client.toolbox("GET", id, "/port/4321/in-use")).body).toEqual({ isInUse: false });
    await client.execute(id, `node -e '${server}' >/dev/null 2>&1 </dev/null &`);
    await expect
      .poll(async () => (await client.toolbox("GET", id, "/port")).body.ports, patiently)
      .toContain(4321);
    expect((await client.toolbox("GET", id, "/port/4321/in-use")).body).toEqual({ isInUse: true });
    expect((await client.toolbox("GET", id, "/port/80/in-use")).status).toBe(400);
  });
});
