import { describe, test } from "vitest";
import { GitError, SandboxStateError, SetupError, type SetupEvent } from "../../src/index.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { startGitServer } from "../helpers/git-http-server.ts";
import { pushRepository } from "../helpers/push-repository.ts";
import { rejection, shownForms } from "../helpers/rejection.ts";

const withEmulator = emulatorsOfFile();
const setupFailed = { code: "SETUP_FAILED", operation: "setup" } as const;

const files = [
  { path: ".profile", content: "export FROM_DOTFILES=yes\n" },
  { path: ".config/tool/config file", content: "mine" },
  { path: ".config/deep/'quoted'\n$name", content: "odd name" },
  { path: ".linked", linkTo: ".profile" },
  { path: ".gitignore", content: "of the repository itself\n" },
  { path: ".github/workflows/check.yml", content: "of the repository itself\n" },
  { path: "readme.md", content: "not a dotfile\n" },
];
const install = `#!/bin/sh
echo "installing in $PWD as \${TOKEN:-nobody}"
echo "to stderr" >&2
[ -n "\${SANDBOX_BACKEND_GIT_PASSWORD-}" ] && echo "has git credentials"
echo once >>"$HOME/installed"
`;

describe.for(serverProfiles.filter(coversEverything))("server profile %s", (profile) => {
  test.concurrent("dotfiles are linked, what is in the way is kept, and all of it is done once", async ({
    expect,
  }) => {
    await using gitServer = await startGitServer();
    const dotfiles = gitServer.repositories.empty;
    await pushRepository(dotfiles, [
      ...files,
      { path: "install.sh", content: install, executable: true },
      { path: "setup.sh", content: "echo not this one >>~/installed\n" },
    ]);
    await withEmulator(expect, { profile }, async ({ backend, emulator }) => {
      const token = `token-${crypto.randomUUID()}`;
      const config = {
        dotfiles,
        secrets: { TOKEN: token },
        gitCredentials: gitServer.credentials,
      };
      const events: SetupEvent[] = [];
      const first = backend(config);
      await first.setup({ onEvent: (event) => events.push(event) });
      const run = async (command: string): Promise<string> => (await first.exec(command)).stdout;
      expect(await run("cd; cat .config/tool/'config file'; readlink .linked .profile")).toBe(
        `mine${await run("printf %s ~")}/.dotfiles/.linked\n${await run("printf %s ~")}/.dotfiles/.profile\n`,
      );
      expect(await run("cd; . ./.linked; echo $FROM_DOTFILES")).toBe("yes\n");
      expect(await run(`cat ~/.config/deep/"'quoted'"*`)).toBe("odd name");
      // Directories are the sandbox's own, so that programs do not write into the repository.
      expect(await run("[ -L ~/.config ] || [ -L ~/.config/tool ] || echo real")).toBe("real\n");
      expect(await run("ls -d ~/.gitignore ~/.github ~/readme.md 2>/dev/null || echo none")).toBe(
        "none\n",
      );
      expect(await run("git -C ~/.dotfiles status --short; cat ~/installed")).toBe("once\n");

      const output = events.flatMap((event) => (event.type === "output" ? [event] : []));
      expect(output.map(({ step, stream, text }) => [step, stream, text])).toEqual(
        expect.arrayContaining([
          [
            "dotfiles",
            "stdout",
            expect.stringMatching(/installing in .*\.dotfiles as \[redacted\]/),
          ],
          ["dotfiles", "stderr", "to stderr\n"],
        ]),
      );
      expect(shownForms(events)).not.toContain(token);
      expect(shownForms(events)).not.toContain("has git credentials");

      // A second host of the same owner finds it done, and asks git for nothing.
      const asItWas = await run("ls -A ~");
      const second = backend(config);
      await second.setup();
      expect(second.sandboxId).toBe(first.sandboxId);
      expect(await run("ls -A ~")).toBe(asItWas);
      expect(await run("cat ~/installed")).toBe("once\n");
      // Neither does a reconnect.
      const before = emulator.requests.count({ sandboxId: first.sandboxId ?? "" });
      const third = backend();
      await third.reconnect(first.sandboxId ?? "");
      expect(emulator.requests.count({ sandboxId: first.sandboxId ?? "" }) - before).toBeLessThan(
        4,
      );
      await first.teardown();
    });
  });

  test.concurrent("files that are in the way are kept aside under names of their own", async ({
    expect,
  }) => {
    await using gitServer = await startGitServer();
    const dotfiles = gitServer.repositories.empty;
    await pushRepository(dotfiles, files);
    await withEmulator(expect, { profile }, async ({ backend }) => {
      // A directory for a file, a file for a directory, a dangling link, and a taken backup name.
      const config = { repoUrl: gitServer.repositories.public, dotfiles };
      const prepared = backend({ ...config, name: "prepared", dotfiles: undefined });
      await prepared.setup();
      await prepared.exec(
        `cd; rm -rf .profile .config; mkdir .profile; echo old >.profile/file; echo mine >.config; echo older >.config.before-dotfiles; ln -s nowhere .linked; mkdir .dotfiles; echo precious >.dotfiles/file`,
      );
      const adopting = backend({ ...config, name: "prepared" });
      await adopting.setup();
      expect(adopting.sandboxId).toBe(prepared.sandboxId);
      const { stdout } = await adopting.exec(
        "cd; cat .profile.before-dotfiles/file .config.before-dotfiles .config.before-dotfiles.2 .dotfiles.before-dotfiles/file; readlink .linked.before-dotfiles; cat .config/tool/config*; . ./.profile; echo $FROM_DOTFILES",
      );
      expect(stdout).toBe("old\nolder\nmine\nprecious\nnowhere\nmineyes\n");
      await adopting.teardown();
    });
  });

  test.concurrent("dotfiles that fail say so in an event and an error, and nothing is left", async ({
    expect,
  }) => {
    await using gitServer = await startGitServer();
    await pushRepository(gitServer.repositories.empty, [
      { path: "setup.sh", content: "echo about to fail; echo $TOKEN >&2; exit 9\n" },
    ]);
    await withEmulator(expect, { profile }, async ({ backend, sandboxes }) => {
      const token = `token-${crypto.randomUUID()}`;
      const fail = async (config: object): Promise<SetupError> => {
        const events: SetupEvent[] = [];
        const failing = backend({
          ...config,
          name: crypto.randomUUID(),
          secrets: { TOKEN: token },
        });
        const error = await rejection(
          expect,
          failing.setup({ onEvent: (event) => events.push(event) }),
          SetupError,
          setupFailed,
        );
        expect(error).toMatchObject({ step: "dotfiles", leaked: [] });
        expect(events.at(-1)).toMatchObject({ type: "step-failed", step: "dotfiles" });
        expect(shownForms([error, events])).not.toContain(token);
        return error;
      };
      const { repositories } = gitServer;
      const [missing, closed, installed] = await Promise.all([
        fail({ dotfiles: repositories.missing }),
        fail({ dotfiles: repositories.private, repoUrl: repositories.public }),
        fail({ dotfiles: repositories.empty }),
      ]);
      expect(missing.cause).toBeInstanceOf(GitError);
      expect(missing.cause).toMatchObject({ kind: "repository-not-found" });
      expect(closed.cause).toMatchObject({ kind: "authentication-failed" });
      expect(installed.cause).toBeInstanceOf(SandboxStateError);
      expect(installed.message).toContain("setup.sh of the dotfiles ended with exit code 9");
      expect(sandboxes()).toEqual([]);

      const opened = backend({
        dotfiles: repositories.private,
        gitCredentials: gitServer.credentials,
      });
      await opened.setup();
      expect((await opened.exec("git -C ~/.dotfiles remote get-url origin")).stdout).toBe(
        `${repositories.private}\n`,
      );
      await opened.teardown();
    });
  });
});
