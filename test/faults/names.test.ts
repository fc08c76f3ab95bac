import { describe, test } from "vitest";
import { AbortError, SandboxStateError, type SetupEvent } from "../../src/index.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { startGitServer } from "../helpers/git-http-server.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { rejection } from "../helpers/rejection.ts";
import { until } from "../helpers/until.ts";

/** One name, one sandbox: who may take which one over. */
const withEmulator = emulatorsOfFile();
const create = { surface: "api", method: "POST", path: "/sandbox" } as const;

describe.for(serverProfiles)("server profile %s", (profile) => {
  test.concurrent("a name whose sandbox is going away is waited for", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, request, fault, sandboxes }) => {
      const first = await ready();
      fault({ sandboxId: first.sandboxId }, { type: "hold-state", state: "destroying", ms: 1_200 });
      await request("DELETE", `/sandbox/${first.sandboxId}`);
      const second = await ready();
      expect(second.sandboxId).not.toBe(first.sandboxId);
      expect((await second.exec("echo new")).stdout).toBe("new\n");
      await until(() => sandboxes().length === 1);
      await second.teardown();
    });
  });

  test.concurrent("two hosts at once make one sandbox, and use it both", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, sandboxes }) => {
      const [first, second] = await Promise.all([ready(), ready()]);
      expect(first.sandboxId).toBe(second.sandboxId);
      expect(sandboxes()).toHaveLength(1);
      await first.writeFile("file", "shared");
      expect(await second.readFile("file", { encoding: "utf8" })).toBe("shared");
      await Promise.all([first.teardown(), second.teardown()]);
    });
  });

  if (!coversEverything(profile)) return;

  test.concurrent("a sandbox of the same owner and purpose is adopted as it is", async ({
    expect,
  }) => {
    const gitServer = await startGitServer();
    try {
      await withEmulator(expect, { profile }, async ({ ready, backend, sandboxes, describe }) => {
        const repository = { repoUrl: gitServer.repositories.public, branchName: "mine" };
        const first = await ready(repository);
        await first.exec("echo edited >>README.md && echo untracked >new-file");
        const before = (await first.exec("git status --short --branch")).stdout;

        const events: SetupEvent[] = [];
        const second = backend({ ...repository, idle: { autoStopMinutes: 45 } });
        await second.setup({ onEvent: (event) => events.push(event) });
        expect(second.sandboxId).toBe(first.sandboxId);
        expect(sandboxes()).toHaveLength(1);
        expect(events).toContainEqual(
          expect.objectContaining({ type: "sandbox-found", adopted: true }),
        );
        expect((await second.exec("git status --short --branch")).stdout).toBe(before);
        expect(before).toContain("new-file");
        expect(await describe(first.sandboxId)).toMatchObject({ autoStopInterval: 45 });
        await first.teardown();
      });
    } finally {
      await gitServer.close();
    }
  });

  test.concurrent("a sandbox that is another's, or for something else, is left alone", async ({
    expect,
  }) => {
    await withEmulator(expect, { profile }, async (fixture) => {
      const { emulator, ready, backend, config, sandboxName, request } = fixture;
      const facts = { code: "SANDBOX_STATE", operation: "setup", retryable: false } as const;
      const first = await ready();
      await first.writeFile("file", "kept");
      const { sandboxId } = first;
      const elsewhere = { repoUrl: "http://127.0.0.1:9/other.git" };
      const otherPurpose = await rejection(expect, backend(elsewhere).setup(), SandboxStateError, {
        ...facts,
        sandboxId,
      });
      expect(otherPurpose.message).toContain(sandboxName);
      // The name at the provider depends on the owner, so another owner's sandbox under it is one with other labels.
      const strangers = [
        { "sandbox-backend.owner": "somebody-else" },
        { "sandbox-backend.nonce": undefined },
      ];
      for (const label of strangers) {
        const record = emulator.sandboxes().find(({ id }) => id === sandboxId);
        const mine = { ...record?.labels };
        await putLabels(config, sandboxId, { ...mine, ...label });
        await rejection(expect, backend().setup(), SandboxStateError, { ...facts, sandboxId });
        await putLabels(config, sandboxId, mine);
      }
      expect(emulator.requests.count({ method: "DELETE", sandboxId })).toBe(0);
      expect(await request("GET", `/sandbox/${sandboxId}`)).toMatchObject({ state: "started" });
      expect(await first.readFile("file", { encoding: "utf8" })).toBe("kept");
      await first.teardown();
    });
  });
});

for (const step of isLongRun ? ["wait", "probe", "workDir", "finish"] : ["wait", "workDir"]) {
  test.concurrent(`the host that made it is aborted in step ${step}: the other keeps it`, async ({
    expect,
  }) => {
    await withEmulator(expect, {}, async ({ backend, ready, sandboxes }) => {
      const controller = new AbortController();
      let others: Promise<Awaited<ReturnType<typeof ready>>> | undefined;
      const first = backend();
      // The second begins while the first is held in its step, and takes over what it finds.
      const setup = first.setup({
        signal: controller.signal,
        onEvent: (event) => {
          if (event.type !== "step-started" || event.step !== step || others) return;
          others = ready();
          void others.then(
            () => undefined,
            () => undefined,
          );
          controller.abort();
        },
      });
      const error = await rejection(expect, setup, AbortError, {
        code: "ABORTED",
        operation: "setup",
      });
      expect(error.leaked).toEqual([]);
      const second = await others;
      expect((await second?.exec("echo mine"))?.stdout).toBe("mine\n");
      expect(sandboxes().map(({ id }) => id)).toEqual([second?.sandboxId]);
      await second?.teardown();
    });
  });
}

test.concurrent("the host that made it is aborted after the other has adopted it", async ({
  expect,
}) => {
  await withEmulator(expect, {}, async ({ backend, ready, fault, sandboxes }) => {
    const controller = new AbortController();
    const first = backend();
    const held = fault({ surface: "toolbox" }, { type: "hold-answer" }, { times: 1 });
    const setup = first.setup({ signal: controller.signal });
    await until(() => held.hits === 1, 20_000);
    const made = sandboxes()[0]?.id;
    const second = await ready();
    expect(second.sandboxId).toBe(made);
    controller.abort();
    const error = await rejection(expect, setup, AbortError, {
      code: "ABORTED",
      operation: "setup",
    });
    expect(error.leaked).toEqual([]);
    expect((await second.exec("echo kept")).stdout).toBe("kept\n");
    await second.teardown();
  });
});

test.concurrent("an aborted adopter leaves the sandbox", async ({ expect }) => {
  await withEmulator(expect, {}, async ({ backend, ready, sandboxes }) => {
    const first = await ready();
    for (const step of ["create", "wait", "probe", "workDir", "finish"]) {
      const controller = new AbortController();
      const setup = backend().setup({
        signal: controller.signal,
        onEvent: (event) => {
          if (event.type === "step-started" && event.step === step) controller.abort();
        },
      });
      await rejection(expect, setup, AbortError, { code: "ABORTED", operation: "setup" });
    }
    expect(sandboxes()).toMatchObject([{ id: first.sandboxId, state: "started" }]);
    expect((await first.exec("echo kept")).stdout).toBe("kept\n");
    await first.teardown();
  });
});

test.concurrent("a lost creation that another host adopts is not waited for", async ({
  expect,
}) => {
  await withEmulator(expect, {}, async ({ backend, ready, fault, sandboxes }) => {
    const controller = new AbortController();
    const held = fault(create, { type: "hold-answer" }, { times: 1 });
    const setup = backend().setup({ signal: controller.signal });
    await until(() => held.hits === 1 && sandboxes()[0]?.state === "started", 20_000);
    const second = await ready();
    const startedAtMs = performance.now();
    controller.abort();
    const error = await rejection(expect, setup, AbortError, {
      code: "ABORTED",
      operation: "setup",
    });
    expect(error.leaked).toEqual([]);
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    expect(sandboxes().map(({ id }) => id)).toEqual([second.sandboxId]);
    await second.teardown();
  });
});

async function putLabels(
  {
    apiUrl,
    apiKey,
  }: { readonly apiUrl?: string | undefined; readonly apiKey?: string | undefined },
  sandboxId: string,
  labels: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const response = await fetch(`${apiUrl}/sandbox/${sandboxId}/labels`, {
    method: "PUT",
    headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" },
    body: JSON.stringify({ labels }),
  });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`The labels were refused with status ${response.status}`);
}
