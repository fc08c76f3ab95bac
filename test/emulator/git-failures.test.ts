import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, describe, expect, test } from "vitest";
import { openGitSandbox } from "./git-sandbox.ts";
import { patiently } from "./patiently.ts";

const opened = await openGitSandbox();
afterAll(() => opened[Symbol.asyncDispose]());
const { emulator, server, sandbox, git, run } = opened;

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
  await git.clone(server.repositories.public, "work");
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
      .poll(() => git.status("cut").catch(() => undefined), patiently)
      .toMatchObject({ branchPublished: true });
  });

  test("a daemon that dies takes its git along", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    try {
      const { port } = silent.address() as AddressInfo;
      const cloned = git
        .clone(`http://127.0.0.1:${port}/x.git`, "never-cloned")
        .catch((e: unknown) => e);
      const count = "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c '[n]ever-cloned' || true";
      await expect.poll(() => run(count), patiently).not.toBe("0");
      emulator.faults.add({
        match: { path: "/toolbox/{sandboxId}/version" },
        times: 1,
        effect: { type: "daemon-crash" },
      });
      await fetch(`${emulator.url.replace(/api$/, "toolbox")}/${sandbox.id}/version`, {
        headers: { authorization: `Bearer ${emulator.apiKey}` },
      });
      expect(await cloned).toMatchObject({ statusCode: 502 });
      await expect.poll(() => run(count), patiently).toBe("0");
    } finally {
      silent.close();
    }
  });
});
