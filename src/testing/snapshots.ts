import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Backend } from "../contract/backend.ts";
import type { BackendConfig } from "../contract/config.ts";
import type { Conformance } from "./conformance.ts";
import type { SnapshotFixture } from "./conformance-options.ts";

const area = "snapshots";
/** What is asked for, and what `setup` makes of it. */
const sourceArea = "snapshot sources";

/** What a sandbox from a snapshot has of its source, and what not. */
export function snapshotCases(conformance: Conformance): void {
  const { capabilities, options } = conformance;
  if (capabilities.snapshot === "none") {
    conformance.add(area, "are refused, as the capabilities say", async () => {
      const backend = await conformance.shared();
      await conformance.sendsNoRequest(() =>
        conformance.rejects(backend.createSnapshot("any"), "UNSUPPORTED_OPERATION", {
          operation: "createSnapshot",
        }),
      );
    });
    return;
  }
  const fixture = options.snapshots;
  const add = (
    name: string,
    body: (fixture: SnapshotFixture) => Promise<void>,
    ofArea = area,
  ): void =>
    conformance.add(
      ofArea,
      name,
      () => body(fixture ?? assert.fail()),
      fixture === undefined ? "no access to snapshots was given" : undefined,
    );

  /** Runs `use` with a snapshot of the backend's sandbox, which is deleted afterwards. */
  const withSnapshot = async (
    { service }: SnapshotFixture,
    backend: Backend,
    use: (name: string) => Promise<void>,
    snapshotOptions: Parameters<Backend["createSnapshot"]>[1] = {},
  ): Promise<void> => {
    const name = `conformance-${randomUUID()}`;
    const snapshot = await backend.createSnapshot(name, snapshotOptions);
    try {
      assert.equal(snapshot.name, name);
      assert.equal(snapshot.state, "active");
      await use(name);
    } finally {
      await service.delete(name);
    }
    assert.equal(await service.get(name), undefined);
  };

  /** Runs `use` with a sandbox from a snapshot, which is deleted afterwards. */
  const withSandboxFrom = async (
    { createBackend }: SnapshotFixture,
    snapshot: string,
    use: (backend: Backend) => Promise<void>,
    config: BackendConfig = {},
  ): Promise<void> => {
    const backend = createBackend(
      { owner: conformance.owner, name: conformance.uniqueName("copy"), ...config },
      snapshot,
    );
    try {
      await backend.setup();
      await use(backend);
    } finally {
      conformance.release(backend);
    }
  };

  add("hold every file of their source, and nothing of its later life", async (given) => {
    await conformance.withSandbox(async (source) => {
      await source.exec(
        `echo one >kept; chmod 640 kept; mkdir -m 750 'a b'; printf '\\0\\377' >'a b/bytes'; ln -s kept link;
        ln -s /nowhere dangling; echo at home >~/.of-the-home; mkfifo pipe; mkdir -p "\${TMPDIR:-/tmp}"; echo x >"\${TMPDIR:-/tmp}/scratch-of-the-source"`,
      );
      const running = await source.spawn("sleep 1000");
      const ended = await source.spawn("exit 3");
      await ended.wait();
      const describe =
        "find . ! -name . -exec ls -ld {} + | sed 's/ [A-Z][a-z][a-z] .*:[0-9][0-9] / /' | sort; cat kept link ~/.of-the-home";
      const described = (await source.exec(describe)).stdout;

      await withSnapshot(given, source, async (name) => {
        assert.equal((await source.status()).state, "running");
        const info = await given.service.get(name);
        assert.equal(info?.sourceSandboxId ?? source.sandboxId, source.sandboxId);
        assert.ok((await given.service.list()).some((listed) => listed.name === name));
        // The source goes on, with its processes.
        const states = (await source.listProcesses()).map(({ id, state }) => [id, state]);
        assert.ok(states.some(([id, state]) => id === running.id && state === "running"));
        await source.exec("echo later >kept; rm link; echo new >new");

        await withSandboxFrom(given, name, async (copy) => {
          assert.notEqual(copy.sandboxId, source.sandboxId);
          assert.equal((await copy.exec(describe)).stdout, described);
          assert.deepEqual([...(await copy.readFile("a b/bytes"))], [0, 255]);
          assert.equal(
            (await copy.exec('ls -A "${TMPDIR:-/tmp}"')).stdout.includes("scratch-of-the-source"),
            false,
          );
          assert.deepEqual(await copy.listProcesses(), []);
          await conformance.rejects(copy.attachProcess(ended.id), "PROCESS_NOT_FOUND", {
            operation: "attachProcess",
          });
          await copy.exec("echo mine >kept");
          // It goes on without its snapshot, and over a stop.
          await given.service.delete(name);
          if (capabilities.stop) {
            await copy.stop();
            await copy.start();
          }
          assert.equal((await copy.exec("cat kept")).stdout, "mine\n");
        });
      });
      assert.equal((await source.exec("cat kept new")).stdout, "later\nnew\n");
      await running.kill("SIGKILL");
    });
  });

  add("leave the source as it was, running or stopped", async (given) => {
    if (!capabilities.stop) return;
    await conformance.withSandbox(async (source) => {
      await source.writeFile("file", "content");
      const sleeper = await source.spawn("sleep 1000");
      await withSnapshot(
        given,
        source,
        async () => {
          assert.equal((await source.status()).state, "running");
          assert.equal((await source.exec("cat file")).stdout, "content");
          const process = (await source.listProcesses()).find(({ id }) => id === sleeper.id);
          assert.notEqual(process?.state, "running");
        },
        { mode: "stop" },
      );
      await source.stop();
      await withSnapshot(given, source, async (name) => {
        assert.equal((await source.status()).state, "stopped");
        await withSandboxFrom(given, name, async (copy) => {
          assert.equal((await copy.exec("cat file")).stdout, "content");
        });
      });
      await source.teardown();
      await conformance.rejects(source.createSnapshot("too-late"), "SANDBOX_NOT_FOUND", {
        operation: "createSnapshot",
      });
    });
  });

  add(
    "have names, and refuse bad and taken ones",
    async (given) => {
      const backend = await conformance.shared();
      const bad = ["", " ", "a b", "é", "tools:latest", "-x", "x".repeat(200), undefined, 7];
      await conformance.sendsNoRequest(async () => {
        for (const name of bad) {
          await conformance.rejects(backend.createSnapshot(name as string), "CONFIG_INVALID", {
            operation: "createSnapshot",
          });
        }
        await conformance.rejects(
          backend.createSnapshot("x", { mode: "other" } as never),
          "CONFIG_INVALID",
          { operation: "createSnapshot" },
        );
      });
      await conformance.sendsNoRequest(async () => {
        const signal = AbortSignal.abort();
        await conformance.rejects(backend.createSnapshot("x", { signal }), "ABORTED", {
          operation: "createSnapshot",
        });
        await conformance.rejects(conformance.newBackend().createSnapshot("x"), "SANDBOX_STATE", {
          operation: "createSnapshot",
        });
      });
      await withSnapshot(given, backend, async (name) => {
        const error = await conformance.rejects(backend.createSnapshot(name), "SNAPSHOT_FAILED", {
          operation: "createSnapshot",
        });
        assert.equal(error.reason, "name-taken");
        await given.service.activate(name);
      });
      const missing = `conformance-missing-${randomUUID()}`;
      assert.equal(await given.service.get(missing), undefined);
      await given.service.delete(missing);
      const none = await conformance.rejects(given.service.activate(missing), "SNAPSHOT_FAILED", {
        operation: "snapshots.activate",
      });
      assert.equal(none.reason, "not-found");
      const refused = given.createBackend({ owner: conformance.owner }, missing);
      const error = await conformance.leavesNothing(() =>
        conformance.rejects(refused.setup(), "SNAPSHOT_FAILED", { operation: "setup" }),
      );
      assert.equal(error.reason, "not-found");
      await refused[Symbol.asyncDispose]();
    },
    sourceArea,
  );

  add(
    "with a clone are brought up to date, and of another origin refused",
    async (given) => {
      const { git } = options;
      if (git === undefined) return;
      const { url, defaultBranch, otherBranch, olderCommit } = git.public;
      await conformance.withSandbox(
        async (source) => {
          await source.exec(
            `git checkout --quiet ${defaultBranch} && git reset --quiet --hard ${olderCommit} && echo built >ignored && echo ignored >.git/info/exclude`,
          );
          await withSnapshot(given, source, async (name) => {
            const config = { repoUrl: url };
            const cloning = async (branchName: string): Promise<void> => {
              await withSandboxFrom(
                given,
                name,
                async (copy) => {
                  const { stdout } = await copy.exec(
                    "git rev-parse --abbrev-ref HEAD; git rev-parse HEAD; git rev-parse @{upstream}; cat ignored; git status --porcelain",
                  );
                  const [branch, head, upstream, ...rest] = stdout.split("\n");
                  assert.equal(branch, branchName);
                  assert.equal(head, upstream);
                  assert.deepEqual(rest, ["built", ""]);
                },
                { ...config, branchName },
              );
            };
            await Promise.all([cloning(defaultBranch), cloning(otherBranch)]);
            const other = given.createBackend(
              { owner: conformance.owner, repoUrl: `${url}/other` },
              name,
            );
            const error = await conformance.leavesNothing(() =>
              conformance.rejects(other.setup(), "SETUP_FAILED", { operation: "setup" }),
            );
            assert.equal((error.cause as { kind?: unknown }).kind, "other-origin");
            await other[Symbol.asyncDispose]();
          });
        },
        { repoUrl: url },
      );
    },
    sourceArea,
  );
}
