import type { Git, Sandbox } from "@daytonaio/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { type GitServer, startGitServer } from "../helpers/git-http-server.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";

let emulator: DaytonaEmulator;
let server: GitServer;
let sandbox: Sandbox;
let git: Git;
let home: string;
beforeAll(async () => {
  [emulator, server] = await Promise.all([startEmulator(), startGitServer()]);
  sandbox = await sdkClient(emulator).create();
  git = sandbox.git;
  home = (await sandbox.getUserHomeDir()) ?? "";
});
afterAll(async () => {
  await Promise.all([emulator.close(), server.close()]);
});

async function run(command: string): Promise<string> {
  const { exitCode, result } = await sandbox.process.executeCommand(command);
  expect([exitCode, result]).toEqual([0, expect.anything()]);
  return result.trim();
}

describe("from clone to push and pull", () => {
  test("clone brings the default branch alone", async () => {
    await git.clone(server.repositories.public, "work");
    const status = await git.status("work");
    expect(status).toEqual({
      currentBranch: server.branches.default,
      fileStatus: [],
      branchPublished: true,
      ahead: 0,
      behind: 0,
      detached: false,
      upstream: `origin/${server.branches.default}`,
    });
    expect(await run("git -C work for-each-ref --format='%(refname)' refs/remotes")).toBe(
      `refs/remotes/origin/${server.branches.default}`,
    );
    expect(await git.branches("work")).toEqual({
      branches: [server.branches.default],
      current: server.branches.default,
    });
  });

  test("changes are seen, added and committed as they are", async () => {
    await run(
      "cd work && echo more >> README.md && echo new > 'with space ü.txt' && echo .hidden > .gitignore && touch .hidden",
    );
    expect((await git.status("work")).fileStatus).toEqual(
      expect.arrayContaining([
        { name: "README.md", extra: "", staging: "Unmodified", worktree: "Modified" },
        { name: "with space ü.txt", extra: "", staging: "Untracked", worktree: "Untracked" },
      ]),
    );
    await git.add("work", ["."]);
    expect((await git.status("work")).fileStatus).toEqual(
      expect.arrayContaining([
        { name: "README.md", extra: "", staging: "Modified", worktree: "Unmodified" },
        { name: "with space ü.txt", extra: "", staging: "Added", worktree: "Unmodified" },
      ]),
    );
    await git.add("work", [".hidden"]);
    const message = "# One\n\n  two  \n";
    const { sha } = await git.commit("work", message, "Ada", "ada@example.com");
    expect(sha).toBe(await run("git -C work rev-parse HEAD"));
    expect(await run("git -C work log -1 --format='%an %ae %cn %ce'")).toBe(
      "Ada ada@example.com Ada ada@example.com",
    );
    expect(await run("git -C work show --stat --format= HEAD | grep -c .hidden")).toBe("1");
    expect(await git.status("work")).toMatchObject({ fileStatus: [], ahead: 1, behind: 0 });
    const history = await emulatorHistory("work");
    expect(history[0]).toEqual({
      hash: sha,
      author: "Ada",
      email: "ada@example.com",
      message,
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$/),
    });
    expect(history.slice(1).map(({ hash }) => hash)).toEqual(server.commits);
  });

  test("a commit of nothing is refused unless it is asked for", async () => {
    await expect(git.commit("work", "none", "A", "a@b")).rejects.toMatchObject({
      statusCode: 500,
      message: "cannot create empty commit: clean working tree",
    });
    const { sha } = await git.commit("work", "empty", "A", "a@b", true);
    expect(sha).toMatch(/^[0-9a-f]{40}$/);
  });

  test("push and pull carry it to another clone; the login is sent and never stored", async () => {
    const { username, password } = server.credentials;
    await git.clone(server.repositories.private, "first", undefined, undefined, username, password);
    await git.clone(
      server.repositories.private,
      "second",
      undefined,
      undefined,
      username,
      password,
    );
    await git.createBranch("first", "topic");
    await run("echo x > first/x");
    await git.add("first", ["x"]);
    const { sha } = await git.commit("first", "x", "A", "a@b");
    expect(await git.status("first")).toMatchObject({ branchPublished: false });
    await git.push("first", username, password, undefined, undefined, true);
    expect(await run("git -C first config branch.topic.merge")).toBe("refs/heads/topic");
    // Nothing to push is no error.
    await git.push("first", username, password);
    await git.pull("second", username, password, "topic");
    expect(await run("git -C second rev-parse HEAD")).toBe(sha);
    await git.pull("second", username, password);
    const everywhere = `grep -rlF -e '${password}' -e "$(printf %s '${username}:${password}' | base64 -w0)" ${home} /tmp 2>/dev/null | wc -l`;
    expect(await run(everywhere)).toBe("0");
  });

  test("branches are made, listed, checked out and deleted", async () => {
    const main = server.branches.default;
    await git.createBranch("work", "feature/one");
    expect(await git.branches("work")).toEqual({
      branches: ["feature/one", main].toSorted(),
      current: "feature/one",
    });
    await expect(git.createBranch("work", "feature/one")).rejects.toMatchObject({
      statusCode: 409,
      code: "GIT_BRANCH_EXISTS",
      message: 'a branch named "refs/heads/feature/one" already exists',
    });
    await git.checkoutBranch("work", main);
    await git.deleteBranch("work", "feature/one");
    await git.deleteBranch("work", "never-was");
    expect((await git.branches("work")).branches).toEqual([main]);
    const commit = server.commits.at(-1) ?? "";
    await git.checkoutBranch("work", commit);
    expect(await git.status("work")).toMatchObject({ currentBranch: "HEAD", detached: true });
    await git.checkoutBranch("work", main);
    await expect(git.checkoutBranch("work", "nope")).rejects.toMatchObject({
      statusCode: 404,
      code: "GIT_BRANCH_NOT_FOUND",
    });
  });
});

async function emulatorHistory(path: string): Promise<{ hash: string; message: string }[]> {
  const origin = emulator.url.replace(/\/api$/, "");
  const url = `${origin}/toolbox/${sandbox.id}/git/history?path=${path}`;
  const response = await fetch(url, { headers: { authorization: `Bearer ${emulator.apiKey}` } });
  return (await response.json()) as { hash: string; message: string }[];
}

describe("clone", () => {
  test("of a branch, a commit and a depth", async () => {
    const { public: url } = server.repositories;
    await git.clone(url, "of/branch", server.branches.other);
    expect((await git.status("of/branch")).currentBranch).toBe(server.branches.other);
    const commit = server.commits.at(-1) ?? "";
    await git.clone(url, "of/commit", undefined, commit);
    expect(await run("git -C of/commit rev-parse HEAD")).toBe(commit);
    await git.clone(url, "of/depth", undefined, undefined, undefined, undefined, undefined, 1);
    expect(await run("git -C of/depth rev-list --count HEAD")).toBe("1");
  });

  test("what fails leaves nothing where nothing was", async () => {
    const { repositories, credentials } = server;
    const failing: [string, Promise<void>, object][] = [
      [
        "a missing repository",
        git.clone(repositories.missing, "bad"),
        { statusCode: 404, code: "GIT_REPO_NOT_FOUND" },
      ],
      [
        "an empty one",
        git.clone(repositories.empty, "bad1"),
        { statusCode: 404, message: "remote repository is empty" },
      ],
      [
        "an unknown branch",
        git.clone(repositories.public, "bad2", "nope"),
        {
          statusCode: 404,
          code: "GIT_BRANCH_NOT_FOUND",
          message: `couldn't find remote ref "refs/heads/nope"`,
        },
      ],
      [
        "a tag for a branch",
        git.clone(repositories.public, "bad3", server.tag),
        { code: "GIT_BRANCH_NOT_FOUND" },
      ],
      [
        "no login",
        git.clone(repositories.private, "bad4"),
        { statusCode: 401, code: "GIT_AUTH_FAILED" },
      ],
      [
        "a wrong login",
        git.clone(
          repositories.private,
          "bad5",
          undefined,
          undefined,
          credentials.username,
          "wrong",
        ),
        { statusCode: 401, code: "GIT_AUTH_FAILED" },
      ],
      [
        "a username alone",
        git.clone(repositories.private, "bad6", undefined, undefined, credentials.username),
        { statusCode: 401 },
      ],
      [
        "a host that is not there",
        git.clone("http://127.0.0.1:1/x.git", "bad7"),
        {
          statusCode: 502,
          code: "GIT_TRANSPORT_FAILED",
          message: expect.stringContaining("connect: connection refused"),
        },
      ],
      [
        "a name that nobody has",
        git.clone("http://no-such-host.invalid/x.git", "bad8"),
        { statusCode: 502, code: "GIT_TRANSPORT_FAILED" },
      ],
      [
        "an SSH URL",
        git.clone("git@example.com:a/b.git", "bad9"),
        { statusCode: 500, message: expect.stringContaining("SSH_AUTH_SOCK") },
      ],
      [
        "a URL without a scheme",
        git.clone("example.com/a/b", "bad10"),
        { statusCode: 404, message: "repository not found" },
      ],
    ];
    const outcomes = await Promise.allSettled(failing.map(([, cloned]) => cloned));
    for (const [index, [what, , expected]] of failing.entries()) {
      expect(outcomes[index], what).toMatchObject({ status: "rejected", reason: expected });
    }
    expect(await run("ls | grep -c bad || true")).toBe("0");
  });

  test("an existing repository is a conflict, files of others stay", async () => {
    const { public: url } = server.repositories;
    await git.clone(url, "twice");
    await expect(git.clone(url, "twice")).rejects.toMatchObject({
      statusCode: 409,
      message: "conflict: repository already exists",
    });
    await run("mkdir full && echo mine > full/mine");
    await git.clone(url, "full");
    expect(await run("cat full/mine && git -C full status --porcelain")).toBe("mine\n?? mine");
    // A failed clone into a full directory leaves a repository without content, which is in the way.
    await run("mkdir half && echo mine > half/mine");
    await expect(git.clone(server.repositories.missing, "half")).rejects.toThrow();
    await expect(git.clone(url, "half")).rejects.toMatchObject({ statusCode: 409 });
  });
});

test("what is no repository, has no commit or no such file is told apart", async () => {
  await run("mkdir -p empty of/none && git init -q unborn");
  for (const path of ["empty", "nowhere", "work/.git/hooks"]) {
    await expect(git.status(path), path).rejects.toMatchObject({
      statusCode: 404,
      code: "GIT_REPO_NOT_FOUND",
      message: "repository does not exist",
    });
  }
  await expect(git.status("unborn")).rejects.toMatchObject({ statusCode: 404 });
  await expect(git.createBranch("unborn", "x")).rejects.toMatchObject({ statusCode: 404 });
  await expect(git.add("work", ["no such"])).rejects.toMatchObject({
    statusCode: 500,
    message: "entry not found",
  });
  await expect(git.commit("work", "m", "", "a@b")).rejects.toMatchObject({
    statusCode: 400,
    code: "INVALID_REQUEST_BODY",
    message: expect.stringContaining("'GitCommitRequest.Author'"),
  });
});

test("push and pull that diverge, are rejected or would lose work", async () => {
  const url = server.repositories.public;
  await git.clone(url, "one");
  await git.clone(url, "two");
  await git.commit("one", "one", "A", "a@b", true);
  await git.push("one");
  await git.commit("two", "two", "A", "a@b", true);
  await expect(git.push("two")).rejects.toMatchObject({
    statusCode: 409,
    code: "GIT_PUSH_REJECTED",
    message: `non-fast-forward update: refs/heads/${server.branches.default}`,
  });
  await expect(git.pull("two")).rejects.toMatchObject({
    statusCode: 409,
    code: "GIT_MERGE_CONFLICT",
  });
  await run("git -C two reset -q --hard HEAD~1");
  await git.pull("two");
  expect(await run("git -C two log -1 --format=%s")).toBe("one");
  await run("cd one && echo theirs > README.md");
  await git.add("one", ["README.md"]);
  await git.commit("one", "theirs", "A", "a@b");
  await git.push("one");
  await run("echo mine > two/README.md");
  await expect(git.pull("two")).rejects.toMatchObject({
    statusCode: 409,
    code: "GIT_DIRTY_WORKTREE",
  });
  expect(await run("cat two/README.md")).toBe("mine");
  await git.checkoutBranch("one", server.commits[0] ?? "");
  await expect(git.push("one")).rejects.toMatchObject({ statusCode: 404 });
  await expect(git.push("unborn")).rejects.toMatchObject({ statusCode: 404 });
  await run("git init -q -b main alone");
  await git.commit("alone", "x", "A", "a@b", true);
  await expect(git.push("alone")).rejects.toMatchObject({
    statusCode: 404,
    message: "not found: remote not found",
  });
});

test("the newer calls: init, reset, restore, remotes, config, credentials", async () => {
  await git.init("made", false, "trunk");
  await git.configureUser("Ada", "ada@example.com");
  expect(await git.getConfig("user.email")).toBe("ada@example.com");
  await git.setConfig("core.abbrev", "12", "local", "made");
  expect(await git.getConfig("core.abbrev", "local", "made")).toBe("12");
  expect(await git.getConfig("core.abbrev")).toBeNull();
  await expect(git.setConfig("nosection", "1")).rejects.toMatchObject({ statusCode: 400 });
  await expect(git.setConfig("a.b", "1", "nowhere")).rejects.toMatchObject({ statusCode: 400 });

  await run("echo 1 > made/a");
  await git.add("made", ["a"]);
  await git.commit("made", "1", "A", "a@b");
  await run("echo 2 > made/a");
  await git.restore("made", ["a"]);
  expect(await run("cat made/a")).toBe("1");
  await run("echo 3 > made/a");
  await git.add("made", ["a"]);
  await git.reset("made", undefined, undefined, ["a"]);
  expect((await git.status("made")).fileStatus).toEqual([
    { name: "a", extra: "", staging: "Unmodified", worktree: "Modified" },
  ]);
  await git.reset("made", "hard");
  expect((await git.status("made")).fileStatus).toEqual([]);
  await expect(git.reset("made", "sideways")).rejects.toMatchObject({ statusCode: 400 });
  await expect(git.reset("made", "hard", "--upload-pack=x")).rejects.toMatchObject({
    statusCode: 404,
  });
  await expect(git.restore("made", ["none"])).rejects.toMatchObject({ statusCode: 500 });

  const url = server.repositories.public;
  await git.remoteAdd("made", "upstream", url, true);
  expect(await git.remotes("made")).toEqual({ remotes: [{ name: "upstream", url }] });
  expect(await run("git -C made branch -r")).toContain(`upstream/${server.branches.default}`);
  await expect(git.remoteAdd("made", "upstream", url)).rejects.toMatchObject({ statusCode: 409 });
  await git.remoteAdd("made", "upstream", server.repositories.empty, false, true);
  expect(await git.remoteGet("made", "upstream")).toBe(server.repositories.empty);

  const { username, password } = server.credentials;
  const { host, protocol } = new URL(server.url);
  await git.dangerouslyAuthenticate(username, password, host, protocol.replace(":", ""));
  expect(await run(`git ls-remote ${server.repositories.private} | wc -l`)).not.toBe("0");
});

describe("faults", () => {
  const path = "/toolbox/{sandboxId}/git/clone";

  test("the remote fails as asked", async () => {
    const url = server.repositories.public;
    const cases = [
      ["authentication-required", { statusCode: 401, code: "GIT_AUTH_FAILED" }],
      ["transport-failed", { statusCode: 502, code: "GIT_TRANSPORT_FAILED", message: "DNS" }],
      ["remote-branch-not-found", { statusCode: 404, code: "GIT_BRANCH_NOT_FOUND" }],
    ] as const;
    for (const [kind, expected] of cases) {
      const effect = { type: "git-failure", kind } as const;
      const fault = emulator.faults.add({
        match: { path },
        times: 1,
        effect: "message" in expected ? { ...effect, message: expected.message } : effect,
      });
      await expect(git.clone(url, "faulty")).rejects.toMatchObject(expected);
      expect(fault.hits).toBe(1);
    }
    await git.clone(url, "faulty");
  });

  test("a gateway gives up on a clone that goes on", async () => {
    emulator.faults.add({
      match: { path },
      times: 1,
      effect: { type: "cut", afterMs: 1, answer: 502 },
    });
    const url = server.repositories.public;
    await expect(git.clone(url, "cut")).rejects.toMatchObject({ statusCode: 502 });
    await expect
      .poll(() => git.status("cut").catch(() => undefined), { timeout: 15_000 })
      .toMatchObject({ branchPublished: true });
  });

  test("a daemon that dies takes its git along", async () => {
    emulator.faults.add({
      match: { path },
      times: 1,
      effect: { type: "daemon-crash", afterMs: 1 },
    });
    const cloned = git.clone(server.repositories.public, "crashed");
    await expect(cloned).rejects.toMatchObject({ statusCode: 502 });
    await expect
      .poll(() => run("ps -eo args 2>/dev/null | grep -c '[g]it .*crashed' || true"), {
        timeout: 15_000,
      })
      .toBe("0");
  });
});
