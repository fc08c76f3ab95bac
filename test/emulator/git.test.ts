import { afterAll, describe, expect, test } from "vitest";
import { openGitSandbox } from "./git-sandbox.ts";

const opened = await openGitSandbox();
afterAll(() => opened[Symbol.asyncDispose]());
const { emulator, server, sandbox, git, run } = opened;
const home = (await sandbox.getUserHomeDir()) ?? "";

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
