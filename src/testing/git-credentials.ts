import assert from "node:assert/strict";
import type { Backend } from "../contract/backend.ts";
import type { Conformance } from "./conformance.ts";
import type { GitFixture } from "./conformance-options.ts";
import { assertShowsNoSecret } from "./expected-errors.ts";
import { gitErrorKindOf } from "./git.ts";
import { inGroups } from "./in-groups.ts";

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

  add("fails without credentials or with wrong ones, and shows none", async (repository) => {
    const { url, credentials } = repository;
    const password = `wrong-${crypto.randomUUID()}`;
    await conformance.leavesNothing(async () => {
      await inGroups([undefined, { ...credentials, password }], 2, async (gitCredentials) => {
        const backend = conformance.newBackend({ repoUrl: url, gitCredentials });
        const error = await conformance.rejects(backend.setup(), "SETUP_FAILED", {
          operation: "setup",
        });
        assert.equal(gitErrorKindOf(error), "authentication-failed");
        assertShowsNoSecret(error, [password]);
        conformance.release(backend);
      });
    });
  });

  add("clones with credentials, which are found nowhere afterwards", async (repository) => {
    const { url, credentials } = repository;
    await conformance.withSandbox(
      async (backend) => {
        assert.equal((await backend.exec("git config remote.origin.url")).stdout, `${url}\n`);
        assert.ok((await backend.exec("git log --oneline")).stdout.length > 0);
        assert.equal(await placesOf(backend, credentials.password), "");
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
      assert.equal(await placesOf(backend, credentials.password), "");
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
      assert.equal(await placesOf(backend, planted), "");
      const files = [
        "$HOME/.planted",
        "${TMPDIR:-/tmp}/.planted-temporary",
        "$WORKDIR/.git/planted",
      ];
      const plant = files.map(
        (file) => `mkdir -p "$(dirname "${file}")" && printf %s "$P" >"${file}"`,
      );
      const keep = "sleep 60 >/dev/null 2>&1 </dev/null & echo $!";
      const { stdout: pid } = await backend.exec(`${plant.join("\n")}\n${keep}`, {
        env: { P: planted },
      });
      const places = (await placesOf(backend, planted)).split("\n");
      const environment = `/proc/${pid.trim()}/environ`;
      for (const name of [".planted", ".planted-temporary", "git/planted", environment]) {
        assert.ok(
          places.some((place) => place.endsWith(name)),
          `${name} is among ${places}`,
        );
      }
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
async function placesOf(backend: Backend, text: string): Promise<string> {
  const reversed = [...text].reverse().join("");
  const script = `
pattern=$(printf %s '${reversed}' | awk '{ for (i = length($0); i > 0; i--) printf "%s", substr($0, i, 1) }')
for place in "$WORKDIR" "\${HOME:-/root}" "\${TMPDIR:-/tmp}" /tmp /var/tmp /dev/shm /run; do
  [ -d "$place" ] && printf '%s\\n' "$pattern" | grep -r -l -a -F -s -f - "$place"
done
printf '%s\\n' "$pattern" | grep -l -a -F -s -f - /proc/[0-9]*/environ /proc/[0-9]*/cmdline
:`;
  return (await backend.exec(script)).stdout.trim();
}
