import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { emulatorsOfFile } from "../helpers/emulator-fixture.ts";
import { startGitServer } from "../helpers/git-http-server.ts";
import { startHostProcess } from "../helpers/host-process.ts";
import { isLongRun } from "../helpers/long-run.ts";

const withEmulator = emulatorsOfFile();

/** Each case starts a process that loads the SDK, which is most of its time; the long run has them all. */
const killedInSteps = isLongRun ? ["wait", "probe", "workDir", "finish"] : ["wait"];
const endings = [
  ["teardown", ""],
  ["dispose", ""],
  ["nothing", "create"],
  ["nothing", "workDir"],
] as const;

/** A process that nothing holds ends at once; this leaves room for a busy machine. */
const exitWithinMs = 2_000;

describe("a host process that is killed in the middle of setup", () => {
  for (const step of killedInSteps) {
    test.concurrent(`in step ${step}: the sandbox is found by its label, ends by itself, and can be adopted`, async ({
      expect,
    }) => {
      await withEmulator(expect, {}, async ({ config, sandboxes, describe, ready, backend }) => {
        const host = startHostProcess(config);
        await host.says({ type: "step-started", step });
        host.child.kill("SIGKILL");
        expect(await host.ended).toEqual({ exitCode: null, signal: "SIGKILL" });

        const [orphan] = sandboxes();
        expect(orphan?.labels["sandbox-backend.owner"]).toBe(config.owner);
        // Until the last step the intervals are those that end a forgotten sandbox within the hour.
        if (step !== "finish") {
          expect(await describe(orphan?.id ?? "")).toMatchObject({
            autoStopInterval: 15,
            autoDeleteInterval: 60,
          });
        }

        const successor = await ready();
        expect(successor.sandboxId).toBe(orphan?.id);
        expect((await successor.exec("pwd")).stdout.trim()).toBe(successor.workDir);
        await successor.teardown();
        const again = backend();
        expect((await again.status()).state).toBe("none");
      });
    });
  }

  test("in the middle of a clone: another host follows the same run to its end", async ({
    expect,
  }) => {
    const gitServer = await startGitServer();
    try {
      await withEmulator(expect, {}, async ({ config, sandboxes, backend }) => {
        const repository = { repoUrl: gitServer.repositories.public, branchName: "left-over" };
        const host = startHostProcess({ ...config, ...repository });
        await host.says({ type: "step-started", step: "clone" });
        host.child.kill("SIGKILL");
        await host.ended;
        const successor = backend(repository);
        await successor.setup();
        expect(successor.sandboxId).toBe(sandboxes()[0]?.id);
        const { stdout } = await successor.exec(
          "git status --short --branch && git log --oneline | wc -l",
        );
        expect(stdout).toMatch(new RegExp(`^## left-over\\n${gitServer.commits.length}\\n$`));
        await successor.teardown();
      });
    } finally {
      await gitServer.close();
    }
  });
});

test.concurrent("two host processes that set up one name at once share one sandbox", async ({
  expect,
}) => {
  await withEmulator(expect, {}, async ({ config, sandboxes, ready }) => {
    const hosts = [startHostProcess(config), startHostProcess(config)];
    const outcomes = await Promise.all(hosts.map((host) => host.says({ outcome: "ready" })));
    await Promise.all(hosts.map((host) => host.says({ stdout: "hello" })));
    await Promise.all(hosts.map((host) => host.ended));
    const [only] = sandboxes();
    expect(sandboxes()).toHaveLength(1);
    expect(outcomes.map(({ sandboxId }) => sandboxId)).toEqual([only?.id, only?.id]);
    await (await ready()).teardown();
  });
});

describe("nothing keeps the host process alive", () => {
  test.concurrent.for(isLongRun ? endings : endings.slice(1, 2))(
    "afterwards %s, aborted in %s",
    async ([afterwards, abortAfter], { expect }) => {
      await withEmulator(expect, {}, async ({ config, sandboxes, leaves }) => {
        const host = startHostProcess(config, {
          afterwards,
          abortAfter,
        });
        await host.says({ finished: true });
        const finishedAtMs = performance.now();
        expect(await host.ended).toEqual({ exitCode: 0, signal: null });
        expect(performance.now() - finishedAtMs).toBeLessThan(exitWithinMs);
        if (abortAfter !== "") await host.says({ outcome: "ABORTED" });
        if (afterwards === "dispose") {
          leaves(sandboxes()[0]?.id);
          expect(sandboxes()).toHaveLength(1);
        }
      });
    },
  );

  test.concurrent("a stop that is given up while the sandbox is still being stopped", async ({
    expect,
  }) => {
    await withEmulator(expect, {}, async ({ config, fault, ready }) => {
      fault({}, { type: "hold-state", state: "stopping", ms: 4_000 });
      const host = startHostProcess(config, { afterwards: "give-up-stop" });
      await host.says({ finished: true });
      const finishedAtMs = performance.now();
      expect(await host.says({ stop: "TIMEOUT" })).toBeDefined();
      expect(await host.ended).toEqual({ exitCode: 0, signal: null });
      expect(performance.now() - finishedAtMs).toBeLessThan(exitWithinMs);
      await (await ready()).teardown();
    });
  });

  test.concurrent("a creation that is never answered, aborted by the setup's own time", async ({
    expect,
  }) => {
    await withEmulator(expect, {}, async ({ config, fault }) => {
      fault({ method: "POST", path: "/sandbox", surface: "api" }, { type: "hang" });
      const host = startHostProcess({ ...config, setupTimeoutMs: 1_500, cleanupTimeoutMs: 500 });
      await host.says({ outcome: "TIMEOUT" });
      const finishedAtMs = performance.now();
      expect(await host.ended).toMatchObject({ exitCode: 0 });
      expect(performance.now() - finishedAtMs).toBeLessThan(exitWithinMs);
    });
  });
});

test("a `.env` in the working directory neither redirects the key nor fails an explicit config", async ({
  expect,
}) => {
  const folder = await mkdtemp(join(tmpdir(), "hostile-working-directory-"));
  try {
    await writeFile(
      join(folder, ".env"),
      "DAYTONA_API_URL=http://127.0.0.1:1/api\nDAYTONA_API_KEY=from-the-file\nDAYTONA_TARGET=nowhere\n",
    );
    await withEmulator(expect, {}, async ({ config, emulator }) => {
      const host = startHostProcess(config, {
        afterwards: "teardown",
        cwd: folder,
        env: { DAYTONA_API_URL: "http://127.0.0.1:1/api" },
      });
      await host.says({ finished: true });
      const finishedAtMs = performance.now();
      expect(await host.ended).toMatchObject({ exitCode: 0 });
      expect(performance.now() - finishedAtMs).toBeLessThan(exitWithinMs);
      expect(await host.says({ outcome: "ready" })).toBeDefined();
      expect(host.complaints()).not.toContain(emulator.apiKey);
      expect(host.complaints()).not.toContain("from-the-file");
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
