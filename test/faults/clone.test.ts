import { afterAll, beforeAll, describe, test } from "vitest";
import { GitError, SandboxStateError, SetupError, type SetupEvent } from "../../src/index.ts";
import { processesNaming } from "../engine/host-leftovers.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { filesHolding } from "../helpers/files-holding.ts";
import { type GitServer, startGitServer } from "../helpers/git-http-server.ts";
import { rejection, shownForms } from "../helpers/rejection.ts";

/** What goes wrong while `setup` clones, and where a password must not be found. */
const withEmulator = emulatorsOfFile();
let gitServer: GitServer;
beforeAll(async () => {
  gitServer = await startGitServer();
});
afterAll(async () => {
  await gitServer.close();
});

const setupFailed = { code: "SETUP_FAILED", operation: "setup" } as const;

describe.for(serverProfiles)("server profile %s", (profile) => {
  test.concurrent("a password that opened a repository is nowhere afterwards", async ({
    expect,
  }) => {
    await withEmulator(expect, { profile }, async (fixture) => {
      const { emulator, backend, directory, sandboxes } = fixture;
      const { username, password } = gitServer.credentials;
      const events: SetupEvent[] = [];
      const cloned = backend({
        repoUrl: gitServer.repositories.private,
        branchName: "not-there-yet",
        gitCredentials: { username, password },
      });
      await cloned.setup({ onEvent: (event) => events.push(event) });
      const status = await cloned.exec("git status --short --branch; git rev-parse HEAD");
      expect(status.stdout).toBe(`## not-there-yet\n${gitServer.commits[0]}\n`);

      const secrets = formsOf(username, password);
      expect(await filesHolding(directory, secrets)).toEqual([]);
      // The same search finds what is there.
      expect(await filesHolding(directory, [gitServer.repositories.private])).not.toEqual([]);
      // Memory of the sandbox's own is seen from inside alone; the brackets keep the search from finding itself.
      const patterns = secrets.map(([first, ...rest]) => `-e '[${first}]${rest.join("")}'`);
      const places = '"$HOME" /dev/shm /proc/[0-9]*/environ /proc/[0-9]*/cmdline';
      const search = async (options: string): Promise<string> =>
        (await cloned.exec(`grep -rlas ${options} -- ${places}`, { check: false })).stdout;
      expect(await search(patterns.join(" "))).toBe("");
      expect(await search("-e '[D]AYTONA_SANDBOX_ID='")).toContain("/environ");
      expect(processesNaming(...secrets)).toEqual([]);
      for (const seen of [
        emulator.requests.list(),
        sandboxes(),
        events,
        cloned.ref,
        cloned,
        await fixture.describe(cloned.sandboxId ?? ""),
      ]) {
        for (const secret of secrets) expect(shownForms(seen)).not.toContain(secret);
      }
      await cloned.teardown();
    });
  });

  if (!coversEverything(profile)) return;

  test.concurrent("a repository that cannot be cloned", async ({ expect }) => {
    const { missing, private: closed } = gitServer.repositories;
    await withEmulator(expect, { profile }, async ({ backend, sandboxes }) => {
      const cases = [
        [missing, "repository-not-found", false],
        [closed, "authentication-failed", false],
        // Nothing listens on the discard port.
        ["http://127.0.0.1:9/repository.git", "unreachable", true],
        ["http://no-such-host.invalid/repository.git", "unreachable", true],
      ] as const;
      await Promise.all(
        cases.map(async ([repoUrl, kind, retryable], index) => {
          const failing = backend({ repoUrl, name: `failing ${index}` });
          const error = await rejection(expect, failing.setup(), SetupError, {
            ...setupFailed,
            retryable,
          });
          expect(error).toMatchObject({ step: "clone", leaked: [] });
          expect(error.cause).toBeInstanceOf(GitError);
          expect(error.cause).toMatchObject({ code: "GIT_FAILED", kind });
          expect(error.message).toContain(repoUrl);
        }),
      );
      expect(sandboxes()).toEqual([]);
    });
  });

  test.concurrent("a wrong password is refused and shown nowhere", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ backend, directory }) => {
      const password = `wrong-${crypto.randomUUID()}`;
      const events: SetupEvent[] = [];
      const failing = backend({
        repoUrl: gitServer.repositories.private,
        gitCredentials: { username: gitServer.credentials.username, password },
        keepOnFailure: true,
      });
      const error = await rejection(
        expect,
        failing.setup({ onEvent: (event) => events.push(event) }),
        SetupError,
        setupFailed,
      );
      expect(error.cause).toMatchObject({ kind: "authentication-failed" });
      expect(shownForms([error, events, failing])).not.toContain(password);
      expect(await filesHolding(directory, formsOf("demo", password))).toEqual([]);
      // It was left for inspection, so it is deleted by whoever is told its ID.
      const inspector = backend({ repoUrl: gitServer.repositories.private });
      await inspector.reconnect(error.leaked[0]?.id ?? "");
      await inspector.teardown();
    });
  });

  test.concurrent("a working directory that cannot be used", async ({ expect }) => {
    const repoUrl = gitServer.repositories.public;
    await withEmulator(expect, { profile }, async ({ backend, sandboxes }) => {
      // The folder of our own records, which is never empty; and a file of every system.
      const occupied = backend({ repoUrl, workDir: "~/.sandbox-backend" });
      const notEmpty = await rejection(expect, occupied.setup(), SetupError, {
        ...setupFailed,
        retryable: false,
      });
      expect(notEmpty).toMatchObject({ step: "clone", leaked: [] });
      expect(notEmpty.cause).toBeInstanceOf(GitError);
      expect(notEmpty.cause).toMatchObject({ kind: "directory-not-empty" });

      const file = backend({ repoUrl, workDir: "/etc/passwd" });
      const notMade = await rejection(expect, file.setup(), SetupError, {
        ...setupFailed,
        retryable: false,
      });
      expect(notMade).toMatchObject({ step: "clone", leaked: [] });
      expect(notMade.cause).toBeInstanceOf(SandboxStateError);
      expect(notMade.message).toContain("workDir");
      expect(sandboxes()).toEqual([]);
    });
  });
});

/** The forms in which git and HTTP carry a password. */
function formsOf(username: string, password: string): string[] {
  const basic = Buffer.from(`${username}:${password}`).toString("base64");
  return [password, basic, Buffer.from(password).toString("base64").replace(/=+$/, "")];
}
