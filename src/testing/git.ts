import assert from "node:assert/strict";
import type { Backend } from "../contract/backend.ts";
import type { BackendConfig } from "../contract/config.ts";
import type { GitErrorKind } from "../contract/file-errors.ts";
import type { Conformance } from "./conformance.ts";
import type { GitFixture } from "./conformance-options.ts";
import { inGroups } from "./in-groups.ts";

const area = "git";

/** What `setup` clones, and on which branch the work directory then is. */
export function gitCases(conformance: Conformance): void {
  const { git } = conformance.options;
  const impossible = git === undefined ? "no repositories were given" : undefined;
  const add = (
    name: string,
    body: (fixture: GitFixture) => Promise<void>,
    otherReason?: string,
  ): void => {
    const reason = impossible ?? otherReason;
    conformance.add(area, name, () => body(git ?? assert.fail(reason)), reason);
  };
  const cloning = (
    config: BackendConfig,
    use: (backend: Backend, run: (args: string) => Promise<string>) => Promise<void>,
  ): Promise<void> =>
    conformance.withSandbox(
      (backend) => use(backend, async (args) => (await backend.exec(`git ${args}`)).stdout.trim()),
      config,
    );

  add("clones the default branch with its whole history", async ({ public: repository }) => {
    await cloning({ repoUrl: repository.url }, async (backend, run) => {
      assert.equal(await run("rev-parse --abbrev-ref HEAD"), repository.defaultBranch);
      assert.equal(await run("config remote.origin.url"), repository.url);
      assert.equal(await run("status --porcelain --ignored"), "");
      assert.ok(Number(await run("rev-list --count HEAD")) > 1);
      assert.equal(await run("rev-parse --is-shallow-repository"), "false");
      const names = (await backend.listFiles(backend.workDir)).map(({ name }) => name);
      assert.ok(names.includes(".git") && names.length > 1, names.join(" "));
    });
  });

  add("checks an existing branch out, following the remote", async ({ public: repository }) => {
    const { url, otherBranch } = repository;
    await cloning({ repoUrl: url, branchName: otherBranch }, async (_backend, run) => {
      assert.equal(await run("rev-parse --abbrev-ref HEAD"), otherBranch);
      assert.equal(await run("rev-parse HEAD"), await run(`rev-parse origin/${otherBranch}`));
      assert.equal(await run("rev-parse --abbrev-ref @{upstream}"), `origin/${otherBranch}`);
    });
  });

  add("makes a branch that the remote does not have", async ({ public: repository }) => {
    const branchName = "conformance/new-branch";
    await cloning({ repoUrl: repository.url, branchName }, async (_backend, run) => {
      assert.equal(await run("rev-parse --abbrev-ref HEAD"), branchName);
      const tip = await run(`rev-parse origin/${repository.defaultBranch}`);
      assert.equal(await run("rev-parse HEAD"), tip);
    });
  });

  add("starts at a commit, with and without a branch", async ({ public: repository }) => {
    const { url, olderCommit } = repository;
    const branchName = "conformance/from-commit";
    await Promise.all([
      cloning({ repoUrl: url, commit: olderCommit }, async (_backend, run) => {
        assert.equal(await run("rev-parse HEAD"), olderCommit);
      }),
      cloning({ repoUrl: url, commit: olderCommit, branchName }, async (_backend, run) => {
        assert.equal(await run("rev-parse HEAD"), olderCommit);
        assert.equal(await run("rev-parse --abbrev-ref HEAD"), branchName);
      }),
    ]);
  });

  add("clones as many commits as cloneDepth says", async ({ public: repository }) => {
    const { url, otherBranch } = repository;
    const shallowBranch = { repoUrl: url, branchName: otherBranch, cloneDepth: 1 };
    await Promise.all([
      cloning({ repoUrl: url, cloneDepth: 1 }, async (_backend, run) => {
        assert.equal(await run("rev-list --count HEAD"), "1");
        assert.equal(await run("rev-parse --is-shallow-repository"), "true");
      }),
      cloning(shallowBranch, async (_backend, run) => {
        assert.equal(await run("rev-parse --abbrev-ref HEAD"), otherBranch);
        assert.equal(await run("rev-list --count HEAD"), "1");
      }),
    ]);
  });

  add(
    "clones into a working directory of any name",
    async ({ public: repository }) => {
      const workDir = "~/conformance clone/it's $(here)";
      await cloning({ repoUrl: repository.url, workDir }, async (backend, run) => {
        assert.ok(backend.workDir.endsWith(workDir.slice(1)), backend.workDir);
        assert.ok(backend.workDir.startsWith("/"), backend.workDir);
        assert.equal(await run("rev-parse --show-toplevel"), backend.workDir);
      });
    },
    conformance.withoutWorkDirChoice,
  );

  add("keeps local work when the sandbox is adopted", async ({ public: repository }) => {
    const config = { repoUrl: repository.url, name: conformance.uniqueName("cloned") };
    await cloning(config, async (backend, run) => {
      await backend.writeFile("notes.txt", "uncommitted");
      const second = conformance.newBackend(config);
      await second.setup();
      assert.equal(second.sandboxId, backend.sandboxId);
      assert.match(await run("status --porcelain"), /\?\? notes\.txt/);
      await second[Symbol.asyncDispose]();
    });
  });

  add(
    "fails for what the remote does not have or is not there, and leaves nothing",
    async (fixture) => {
      const failures: ReadonlyArray<readonly [config: BackendConfig, kind: GitErrorKind]> = [
        [{ repoUrl: fixture.missing.url }, fixture.missing.kind],
        [{ repoUrl: fixture.public.url, commit: "0123456789".repeat(4) }, "commit-not-found"],
        // Port 9 is discard: nothing listens there.
        [{ repoUrl: "http://127.0.0.1:9/nothing.git" }, "unreachable"],
      ];
      await conformance.leavesNothing(async () => {
        await inGroups(failures, 3, async ([config, kind]) => {
          const backend = conformance.newBackend(config);
          const error = await conformance.rejects(backend.setup(), "SETUP_FAILED", {
            operation: "setup",
          });
          assert.equal(error.step, "clone");
          assert.deepEqual(error.leaked, []);
          assert.equal(gitErrorKindOf(error), kind);
          assert.equal(backend.sandboxId, undefined);
          conformance.release(backend);
        });
      });
    },
  );
}

/** The kind of the git error that is the cause of a failed setup. */
export function gitErrorKindOf(error: Error): unknown {
  const cause = error.cause as { code?: unknown; kind?: unknown } | undefined;
  assert.equal(cause?.code, "GIT_FAILED", `cause of: ${error.message}`);
  return cause?.kind;
}
