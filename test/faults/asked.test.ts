import { describe, test } from "vitest";
import { ConfigError, ProtocolError, SetupError, type SetupEvent } from "../../src/index.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { rejection } from "../helpers/rejection.ts";

/** What was asked for is compared with what was made: a server may ignore an option without an error. */
const withEmulator = emulatorsOfFile();
const failed = { code: "SETUP_FAILED", operation: "setup" } as const;

describe.for(serverProfiles)("server profile %s", (profile) => {
  test.concurrent("a sandbox that is otherwise than asked is told and deleted", async ({
    expect,
  }) => {
    await withEmulator(expect, { profile }, async ({ backend, fault, sandboxes }) => {
      const rewritten = fault(
        { surface: "api" },
        { type: "rewrite", fields: { target: "eu", memory: 1, networkBlockAll: false } },
      );
      const setup = backend({
        image: "debian:13",
        resources: { cpu: 1, memoryGiB: 2, diskGiB: 3 },
        network: { blockAll: true },
      }).setup();
      const error = await rejection(expect, setup, SetupError, failed);
      expect(error.cause).toBeInstanceOf(ConfigError);
      expect(error.cause).toMatchObject({ path: "target" });
      expect(error.message).toContain("`target`: us was asked for, and it is eu.");
      expect(error.message).toContain("`resources.memoryGiB`: 2 was asked for, and it is 1.");
      expect(error.message).toContain("`network.blockAll`: true was asked for, and it is false.");
      expect(error.leaked).toEqual([]);
      expect(rewritten.hits).toBeGreaterThan(0);
      expect(sandboxes()).toEqual([]);
    });
  });

  if (!coversEverything(profile) && !isLongRun) return;

  test.concurrent("what is asked for is passed and kept", async ({ expect }) => {
    await withEmulator(
      expect,
      { profile },
      async ({ ready, describe: describeSandbox, emulator }) => {
        const enforced = profile === "cloud";
        const made = await ready({
          image: "debian:13",
          resources: { cpu: 2, memoryGiB: 2, diskGiB: 4 },
          language: "typescript",
          public: true,
          network: {
            allowList: ["10.0.0.0/8", "192.168.0.0/16"],
            ...(enforced ? { domainAllowList: ["*.npmjs.org", "github.com"] } : {}),
          },
        });
        expect(await describeSandbox(made.sandboxId)).toMatchObject({
          cpu: 2,
          memory: 2,
          disk: 4,
          public: true,
          target: "us",
          networkAllowList: "10.0.0.0/8,192.168.0.0/16",
          ...(enforced ? { domainAllowList: "*.npmjs.org,github.com" } : {}),
          labels: { "code-toolbox-language": "typescript" },
        });
        expect(emulator.requests.count({ method: "POST", path: "/sandbox" })).toBeGreaterThan(0);
        await made.teardown();
      },
    );
  });

  test.concurrent("a user that commands do not run as, and domains that nobody guards", async ({
    expect,
  }) => {
    await withEmulator(expect, { profile }, async ({ backend, sandboxes }) => {
      const other = backend({ user: "somebody-else" }).setup();
      const error = await rejection(expect, other, SetupError, failed);
      expect(error.cause).toMatchObject({ path: "user" });
      if (profile === "v0.190") {
        const unguarded = backend({ network: { domainAllowList: ["github.com"] } }).setup();
        const told = await rejection(expect, unguarded, SetupError, failed);
        expect(told.cause).toMatchObject({ path: "network.domainAllowList" });
      }
      expect(sandboxes()).toEqual([]);
    });
  });

  test.concurrent("idle times that are accepted and not kept", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ backend, fault, sandboxes }) => {
      const look = { surface: "api", method: "GET" } as const;
      fault(look, { type: "rewrite", fields: { autoDeleteInterval: 60 } });
      const error = await rejection(expect, backend().setup(), SetupError, failed);
      expect(error).toMatchObject({ step: "finish", leaked: [] });
      expect(error.cause).toBeInstanceOf(ProtocolError);
      expect(error.message).toContain("autoDeleteMinutes");
      expect(sandboxes()).toEqual([]);
    });
  });

  test.concurrent("a broken sandbox does not hold its name for ever", async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ backend, fault, sandboxes }) => {
      // A host that died between the creation and its undo: the sandbox is in an error, and has the name.
      const broken = fault(
        {},
        { type: "fail-transition", state: "creating", errorReason: "no space" },
        { times: 1 },
      );
      const left = backend({ keepOnFailure: true });
      await left.setup().catch(() => undefined);
      expect(broken.hits).toBe(1);
      const [before, ...others] = sandboxes();
      expect(others).toEqual([]);
      expect(before?.state).toBe("error");

      const events: SetupEvent[] = [];
      const next = backend();
      await next.setup({ onEvent: (event) => events.push(event) });
      expect(next.sandboxId).not.toBe(before?.id);
      expect(events.find(({ type }) => type === "sandbox-replaced")).toMatchObject({
        sandboxId: before?.id,
        providerState: "error",
        message: "no space",
      });
      expect(sandboxes().map(({ id }) => id)).toEqual([next.sandboxId]);
      await next.teardown();
    });
  });
});
