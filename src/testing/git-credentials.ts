import assert from "node:assert/strict";
import type { Backend } from "../contract/backend.ts";
import type { Conformance } from "./conformance.ts";
import type { GitFixture } from "./conformance-options.ts";
import { gitErrorKindOf } from "./git.ts";

const area = "git credentials";

/** A password opens the repository and is found nowhere afterwards. */
export function gitCredentialCases(conformance: Conformance): void {
  const { git } = conformance.options;
  const impossible = git?.private === undefined ? "no private repository was given" : undefined;
  const add = (
    name: string,
    body: (repository: NonNullable<GitFixture["private"]>) => Promise<void>,
  ): void => {
    conformance.add(
      area,
      name,
      async () => body(git?.private ?? assert.fail(impossible)),
      impossible,
    );
  };

  add("fails without credentials, at once and for the right reason", async ({ url }) => {
    await conformance.leavesNothing(async () => {
      const backend = conformance.newBackend({ repoUrl: url });
      const error = await conformance.rejects(backend.setup(), "SETUP_FAILED", {
        operation: "setup",
      });
      assert.equal(gitErrorKindOf(error), "authentication-failed");
      await backend[Symbol.asyncDispose]();
    });
  });

  add("fails with a wrong password, and shows it nowhere", async ({ url, credentials }) => {
    const password = `wrong-${crypto.randomUUID()}`;
    const backend = conformance.newBackend({
      repoUrl: url,
      gitCredentials: { username: credentials.username, password },
    });
    const error = await conformance.rejects(backend.setup(), "SETUP_FAILED", {
      operation: "setup",
    });
    assert.equal(gitErrorKindOf(error), "authentication-failed");
    assert.ok(!JSON.stringify(error).includes(password));
    await backend[Symbol.asyncDispose]();
  });

  add("clones with credentials, which are found nowhere afterwards", async (repository) => {
    const { url, credentials } = repository;
    await conformance.withSandbox(
      async (backend) => {
        assert.equal((await backend.exec("git config remote.origin.url")).stdout, `${url}\n`);
        assert.ok((await backend.exec("git log --oneline")).stdout.length > 0);
        await assertSandboxHolds(backend, credentials.password, false);
        // Nor can git use them any more.
        const fetched = await backend.exec("GIT_TERMINAL_PROMPT=0 git fetch </dev/null", {
          check: false,
        });
        assert.notEqual(fetched.exitCode, 0);
      },
      { repoUrl: url, gitCredentials: credentials },
    );
  });

  add("answers git in a command, for the life of that command", async (repository) => {
    const { url, credentials } = repository;
    await conformance.withSandbox(async (backend) => {
      const clone = ["git", "clone", "--quiet", url, "clone"];
      const refused = await backend.exec(clone, {
        check: false,
        timeoutMs: conformance.patient(20_000),
      });
      assert.notEqual(refused.exitCode, 0);
      await backend.exec(clone, { gitCredentials: credentials });
      const own = { ...credentials, host: new URL(url).host };
      await backend.exec("git fetch", { gitCredentials: own, cwd: "clone" });
      await assertSandboxHolds(backend, credentials.password, false);
    });
  });

  add("gives them to no host but theirs", async ({ url, credentials }) => {
    const backend = await conformance.shared();
    const result = await backend.exec(["git", "ls-remote", url], {
      gitCredentials: { ...credentials, host: "other.example.com" },
      check: false,
      timeoutMs: conformance.patient(20_000),
    });
    assert.notEqual(result.exitCode, 0);
    assert.ok(!`${result.stdout}${result.stderr}`.includes(credentials.password));
  });

  add("searches a sandbox in such a way that a password left behind is found", async () => {
    await conformance.withSandbox(async (backend) => {
      const planted = `planted-${crypto.randomUUID()}`;
      await assertSandboxHolds(backend, planted, false);
      for (const place of ["$HOME/.planted", "/tmp/.planted", "$WORKDIR/.git/planted"]) {
        await backend.exec(`mkdir -p "$(dirname "${place}")" && printf %s "$P" >"${place}"`, {
          env: { P: planted },
        });
        await assertSandboxHolds(backend, planted, true);
        await backend.exec(`rm -f "${place}"`);
      }
      await assertSandboxHolds(backend, planted, false);
    });
  });

  conformance.add(area, "refuses a password in the URL, and does not show it", async () => {
    const password = `in-url-${crypto.randomUUID()}`;
    assert.throws(
      () =>
        conformance.options.createBackend({ repoUrl: `https://user:${password}@example.com/r` }),
      (error: Error) => {
        assert.equal((error as { code?: unknown }).code, "CONFIG_INVALID");
        assert.equal((error as { path?: unknown }).path, "repoUrl");
        assert.ok(!`${error.message}${error.stack}${JSON.stringify(error)}`.includes(password));
        return true;
      },
    );
  });
}

/**
 * Searches files, environments and command lines of the sandbox. The text goes in reversed and is turned back in a pipe, so
 * that the search does not find itself.
 */
async function assertSandboxHolds(
  backend: Backend,
  text: string,
  expected: boolean,
): Promise<void> {
  const reversed = [...text].reverse().join("");
  const script = `
pattern=$(printf %s '${reversed}' | awk '{ for (i = length($0); i > 0; i--) printf "%s", substr($0, i, 1) }')
places="$WORKDIR \${HOME:-/root} /tmp /var/tmp /dev/shm /run"
for place in $places; do
  [ -d "$place" ] && printf '%s\\n' "$pattern" | grep -r -l -a -F -s -f - "$place"
done
for process in /proc/[0-9]*; do
  for file in environ cmdline; do
    [ "$process" = "/proc/$$" ] || printf '%s\\n' "$pattern" | grep -l -a -F -s -f - "$process/$file"
  done
done
:`;
  const { stdout } = await backend.exec(script);
  if (expected) assert.notEqual(stdout, "", "the planted text is found");
  else assert.equal(stdout, "", "places in the sandbox that hold the text");
}
