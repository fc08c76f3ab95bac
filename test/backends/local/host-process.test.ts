import { describe, expect, test } from "vitest";
import { isolationsUnderTest } from "../../engine/isolations.ts";
import { startGitServer } from "../../helpers/git-http-server.ts";
import { startHostProcess } from "../../helpers/host-process.ts";
import { isLongRun } from "../../helpers/long-run.ts";
import { withLocal } from "./local-fixture.ts";

const type = "local";
/** A process that nothing holds ends at once; this leaves room for a busy machine. */
const exitWithinMs = 2_000;
const killedInSteps = isLongRun ? ["create", "wait", "probe", "workDir", "finish"] : ["wait"];
/** Milliseconds after the first step began, in the whole of which a setup is done. */
const killedAfterMs = isLongRun ? Array.from({ length: 60 }, (_, index) => index * 8) : [20, 130];
const isolations = await isolationsUnderTest();
/** The long run has all; else the best that this machine has, because each case starts processes that load everything anew. */
const tried = isLongRun ? isolations : isolations.filter(({ skipped }) => !skipped).slice(-1);

for (const { isolation, skipped, title } of tried) {
  describe.skipIf(skipped)(`isolation ${title}`, () => {
    describe("a host process that is killed in the middle of setup", () => {
      test.each(killedInSteps)(
        "in step %s: another host goes on, and nothing is left",
        async (step) => {
          await withLocal(isolation, async ({ config, ready, sandboxIds }) => {
            const host = startHostProcess(config, { type });
            await host.says({ type: "step-started", step });
            host.child.kill("SIGKILL");
            expect(await host.ended).toEqual({ exitCode: null, signal: "SIGKILL" });
            const successor = await ready();
            expect((await successor.exec("pwd")).stdout.trim()).toBe(successor.workDir);
            expect(await sandboxIds()).toEqual([successor.sandboxId]);
            await successor.teardown();
          });
        },
      );

      test("at whatever moment: another host goes on, and nothing is left", async () => {
        for (const afterMs of killedAfterMs) {
          await withLocal(isolation, async ({ config, ready, sandboxIds }) => {
            const host = startHostProcess(config, { type });
            await host.says({ type: "step-started", step: "create" });
            setTimeout(() => host.child.kill("SIGKILL"), afterMs);
            await host.ended;
            const successor = await ready();
            expect(await sandboxIds(), `after ${afterMs} ms`).toEqual([successor.sandboxId]);
            expect((await successor.exec("echo up")).stdout).toBe("up\n");
            await successor.teardown();
          });
        }
      });

      test("in the middle of a clone: another host follows the same run to its end", async () => {
        const gitServer = await startGitServer();
        try {
          await withLocal(isolation, async ({ config, ready }) => {
            const repository = {
              repoUrl: gitServer.repositories.public,
              branchName: "left-over",
            };
            const host = startHostProcess({ ...config, ...repository }, { type });
            await host.says({ type: "step-started", step: "clone" });
            host.child.kill("SIGKILL");
            await host.ended;
            const successor = await ready(repository);
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

      test("and that nobody can name: the next setup deletes it when its time is over", async () => {
        await withLocal(
          isolation,
          async ({ config, ready, sandboxIds, changeNote, forgetLastSweep }) => {
            const { name: _name, ...unnamed } = config;
            const host = startHostProcess(unnamed, { type });
            const { sandboxId } = await host.says({ type: "sandbox-found" });
            const orphan = String(sandboxId);
            await host.says({ type: "step-started", step: "probe" });
            host.child.kill("SIGKILL");
            await host.ended;
            expect(await sandboxIds()).toEqual([orphan]);

            // Before its time anybody who knows the ID may still want it.
            const other = await ready({ name: "other" });
            expect((await sandboxIds()).sort()).toEqual([orphan, other.sandboxId].sort());

            const record = { pid: host.child.pid, startTicks: "1", bootId: "of-another-boot" };
            await changeNote(orphan, {
              unfinished: { by: record, until: new Date(Date.now() - 1_000).toISOString() },
            });
            await forgetLastSweep();
            const third = await ready({ name: "third" });
            expect((await sandboxIds()).sort()).toEqual([other.sandboxId, third.sandboxId].sort());
            await Promise.all([other.teardown(), third.teardown()]);
          },
        );
      });
    });

    test("two host processes that set up one name at once share one sandbox", async () => {
      await withLocal(isolation, async ({ config, ready, sandboxIds }) => {
        const hosts = [1, 2].map(() => startHostProcess(config, { type }));
        const outcomes = await Promise.all(hosts.map((host) => host.says({ outcome: "ready" })));
        await Promise.all(hosts.map((host) => host.says({ stdout: "hello" })));
        await Promise.all(hosts.map((host) => host.ended));
        const [only] = await sandboxIds();
        expect(await sandboxIds()).toHaveLength(1);
        expect(outcomes.map(({ sandboxId }) => sandboxId)).toEqual([only, only]);
        // The sandbox has outlived both of them.
        await (await ready()).teardown();
      });
    });

    describe("nothing keeps the host process alive", () => {
      test.each([
        ["dispose", ""],
        ["nothing", ""],
        ["nothing", "create"],
        ["nothing", "workDir"],
      ] as const)("afterwards %s, aborted in '%s'", async (afterwards, abortAfter) => {
        await withLocal(isolation, async ({ config, ready, sandboxIds }) => {
          const host = startHostProcess(config, { type, afterwards, abortAfter });
          await host.says({ finished: true });
          const finishedAtMs = performance.now();
          expect(await host.ended).toEqual({ exitCode: 0, signal: null });
          expect(performance.now() - finishedAtMs).toBeLessThan(exitWithinMs);
          if (abortAfter !== "") await host.says({ outcome: "ABORTED" });
          expect(await sandboxIds()).toHaveLength(abortAfter === "" ? 1 : 0);
          if (abortAfter === "") await (await ready()).teardown();
        });
      });
    });
  });
}
