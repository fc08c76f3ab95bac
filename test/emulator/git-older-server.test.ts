import { afterAll, beforeAll, expect, test } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { type GitServer, startGitServer } from "../helpers/git-http-server.ts";
import { startEmulator } from "./start-emulator.ts";
import { type WireAnswer, WireClient } from "./wire-client.ts";

let emulator: DaytonaEmulator;
let server: GitServer;
let client: WireClient;
let id: string;
beforeAll(async () => {
  [emulator, server] = await Promise.all([startEmulator({ profile: "v0.190" }), startGitServer()]);
  client = new WireClient(emulator);
  id = await client.create();
});
afterAll(async () => {
  await Promise.all([emulator.close(), server.close()]);
});

function git(route: string, body: Record<string, unknown>): Promise<WireAnswer> {
  return client.toolbox("POST", id, `/git/${route}`, body);
}

function read(route: string, path: string): Promise<WireAnswer> {
  return client.toolbox("GET", id, `/git/${route}?path=${path}`);
}

async function run(command: string): Promise<string> {
  return (await client.execute(id, command)).body.result.trim();
}

test("git errors have the older daemon's statuses, codes and texts", async () => {
  const { repositories } = server;
  const answers: [Promise<WireAnswer>, number, string, string][] = [
    [
      git("clone", { url: repositories.missing, path: "a1" }),
      404,
      "NOT_FOUND",
      "not found: repository not found",
    ],
    [
      git("clone", { url: repositories.private, path: "a2" }),
      401,
      "UNAUTHORIZED",
      "unauthorized: authentication required",
    ],
    [
      git("clone", { url: repositories.public, path: "a3", branch: "nope" }),
      500,
      "INTERNAL_SERVER_ERROR",
      `couldn't find remote ref "refs/heads/nope"`,
    ],
    [
      git("clone", { path: "a4" }),
      400,
      "INVALID_REQUEST_BODY",
      "invalid body request: invalid request body: Key: 'GitCloneRequest.URL' Error:Field validation for 'URL' failed on the 'required' tag",
    ],
    [read("status", "nowhere"), 404, "NOT_FOUND", "not found: repository does not exist"],
    [
      client.toolbox("GET", id, "/git/history"),
      400,
      "BAD_REQUEST",
      "bad request: path is required",
    ],
  ];
  for (const [answer, status, code, message] of answers) {
    const { status: actual, body } = await answer;
    expect([actual, body.code, body.message]).toEqual([status, code, message]);
    expect(body).not.toHaveProperty("source");
  }
});

test("clone ignores a depth; a short commit leaves HEAD on nothing", async () => {
  const url = server.repositories.public;
  expect((await git("clone", { url, path: "deep", depth: 1 })).status).toBe(200);
  const count = String(server.commits.length);
  expect(await run("git -C deep rev-list --count HEAD")).toBe(count);
  const short = (server.commits.at(-1) ?? "").slice(0, 8);
  const cloned = await git("clone", { url, path: "short", commit_id: short });
  expect([cloned.status, cloned.body.message]).toEqual([404, "not found: object not found"]);
  expect(await run("cat short/.git/HEAD")).toBe(short.padEnd(40, "0"));
  expect((await read("status", "short")).status).toBe(404);
});

test("status, branches, and a checkout that lands on master", async () => {
  expect((await git("clone", { url: server.repositories.public, path: "work" })).status).toBe(200);
  const main = server.branches.default;
  expect((await read("status", "work")).body).toEqual({
    currentBranch: main,
    fileStatus: [],
    branchPublished: true,
    ahead: 0,
    behind: 0,
  });
  expect((await read("branches", "work")).body).toEqual({ branches: [main] });
  expect((await git("branches", { path: "work", name: "master" })).status).toBe(201);
  const again = await git("branches", { path: "work", name: "master" });
  expect([again.status, again.body.message]).toEqual([
    500,
    'a branch named "refs/heads/master" already exists',
  ]);
  await git("checkout", { path: "work", branch: main });
  expect((await git("checkout", { path: "work", branch: "unknown" })).status).toBe(200);
  expect((await read("status", "work")).body.currentBranch).toBe("master");
  await run("echo more >> work/README.md");
  const dirty = await git("checkout", { path: "work", branch: main });
  expect([dirty.status, dirty.body.message]).toEqual([
    409,
    "conflict: worktree contains unstaged changes",
  ]);
  await run("git init -q unborn");
  expect((await read("branches", "unborn")).body).toEqual({ branches: null });
});

test("pull takes the remote's HEAD; what diverges and what is rejected", async () => {
  const url = server.repositories.public;
  for (const path of ["one", "two"]) await git("clone", { url, path });
  const commit = { message: "m", author: "A", email: "a@b", allow_empty: true };
  await git("commit", { ...commit, path: "one" });
  expect((await git("push", { path: "one" })).status).toBe(200);
  await git("branches", { path: "two", name: "topic" });
  expect((await git("pull", { path: "two" })).status).toBe(200);
  expect(await run("git -C two rev-parse HEAD")).toBe(await run("git -C one rev-parse HEAD"));
  await git("checkout", { path: "two", branch: server.branches.default });
  await git("commit", { ...commit, path: "two" });
  const main = server.branches.default;
  const rejected = await git("push", { path: "two" });
  expect([rejected.status, rejected.body.message]).toEqual([
    500,
    `non-fast-forward update: refs/heads/${main}`,
  ]);
  const diverged = await git("pull", { path: "two" });
  expect([diverged.status, diverged.body.code, diverged.body.message]).toEqual([
    409,
    "CONFLICT",
    "conflict: non-fast-forward update",
  ]);
});
