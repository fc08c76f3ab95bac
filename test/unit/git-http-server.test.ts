import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type GitServer, startGitServer } from "../helpers/git-http-server.ts";

const run = promisify(execFile);
const identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com"];

async function git(...args: string[]): Promise<string> {
  const { stdout } = await run("git", args, {
    env: {
      PATH: process.env.PATH,
      GIT_TERMINAL_PROMPT: "0",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      LC_ALL: "C",
    },
  });
  return stdout.trim();
}

describe("git server", () => {
  let server: GitServer;
  let folder: string;

  beforeAll(async () => {
    server = await startGitServer();
    folder = await mkdtemp(join(tmpdir(), "git-server-test-"));
  });

  afterAll(async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("serves a history whose tests pass at every commit and on every branch", async () => {
    const clone = join(folder, "public");
    await git("clone", "--quiet", server.repositories.public, clone);
    expect(await git("-C", clone, "log", "--format=%H")).toBe(server.commits.join("\n"));
    expect(server.commits).toHaveLength(3);
    for (const revision of [...server.commits.slice(0, 2), `origin/${server.branches.other}`]) {
      await git("-C", clone, "checkout", "--quiet", revision);
      const { stdout } = await run(join(clone, "test.sh"));
      expect(stdout).toMatch(/^ok /);
    }
    expect(await git("-C", clone, "tag")).toBe(server.tag);
  });

  test("makes the same commits each time", async () => {
    await using other = await startGitServer();
    expect(other.commits).toEqual(server.commits);
  });

  test("serves a shallow clone and a single commit", async () => {
    const clone = join(folder, "shallow");
    await git("clone", "--quiet", "--depth=1", server.repositories.public, clone);
    expect(await git("-C", clone, "rev-list", "--count", "HEAD")).toBe("1");
    const oldest = server.commits.at(-1) ?? "";
    await git("-C", clone, "fetch", "--quiet", "--depth=1", "origin", oldest);
    expect(await git("-C", clone, "rev-parse", "FETCH_HEAD")).toBe(oldest);
  });

  test("takes pushes, also larger than one buffer of git", async () => {
    const clone = join(folder, "pushing");
    await git("clone", "--quiet", server.repositories.public, clone);
    // Over http.postBuffer (1 MiB) git sends chunks without a length.
    await writeFile(join(clone, "large.bin"), crypto.getRandomValues(new Uint8Array(65_536)));
    const large = Buffer.alloc(3 * 1024 * 1024, await git("-C", clone, "rev-parse", "HEAD"));
    for (let index = 0; index < large.length; index += 16)
      large.writeDoubleLE(Math.random(), index);
    await writeFile(join(clone, "larger.bin"), large);
    await git("-C", clone, "add", ".");
    await git("-C", clone, ...identity, "commit", "--quiet", "--message=Add a large file");
    await git("-C", clone, "push", "--quiet", "origin", "HEAD:refs/heads/pushed");
    const listed = await git("ls-remote", server.repositories.public, "refs/heads/pushed");
    expect(listed).toContain(await git("-C", clone, "rev-parse", "HEAD"));
  });

  test("asks for the private repository's credentials", async () => {
    await expect(git("ls-remote", server.repositories.private)).rejects.toThrow(
      /could not read Username|Authentication failed/,
    );
    const { username, password } = server.credentials;
    const withCredentials = server.repositories.private.replace("//", `//${username}:${password}@`);
    expect(await git("ls-remote", withCredentials, "refs/heads/main")).toContain(server.commits[0]);
    const wrong = server.repositories.private.replace("//", `//${username}:wrong@`);
    await expect(git("ls-remote", wrong)).rejects.toThrow(/Authentication failed/);
  });

  test("answers 404 for a repository that is missing, and for paths outside", async () => {
    await expect(git("ls-remote", server.repositories.missing)).rejects.toThrow(/not found/);
    const outside = await fetch(`${server.url}/..%2f..%2fetc/passwd`);
    await outside.text();
    expect(outside.status).toBeGreaterThanOrEqual(400);
  });

  test("has an empty repository that can be cloned", async () => {
    const clone = join(folder, "empty");
    await git("clone", "--quiet", server.repositories.empty, clone);
    await expect(git("-C", clone, "rev-parse", "HEAD")).rejects.toThrow();
  });
});
