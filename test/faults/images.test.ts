import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Image } from "@daytonaio/sdk";
import { afterAll, beforeAll, describe, expect as expectAll, test } from "vitest";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import {
  AbortError,
  ConfigError,
  type DaytonaConfig,
  SandboxStateError,
  SetupError,
  type SetupEvent,
  TimeoutError,
} from "../../src/index.ts";
import { emulatorsOfFile } from "../helpers/emulator-fixture.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { rejection } from "../helpers/rejection.ts";
import { until } from "../helpers/until.ts";

/** Images: what is built, what is told meanwhile, and what a build that fails, hangs or loses its log leaves (nothing). */
const withEmulator = emulatorsOfFile();
const { available } = await LocalEngine.probe();

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "image-fault-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

function collector(): {
  events: SetupEvent[];
  onEvent: (event: SetupEvent) => void;
  log(): string;
} {
  const events: SetupEvent[] = [];
  const texts = () => events.map((event) => (event.type === "build-log" ? event.text : ""));
  return { events, onEvent: (event) => void events.push(event), log: () => texts().join("") };
}

describe.skipIf(!available)("a sandbox of an image", () => {
  test.concurrent("is built from plain data, whatever its texts hold, and told of as it grows", async ({
    expect,
  }) => {
    await withEmulator(expect, {}, async ({ backend, emulator, sandboxes }) => {
      const context = join(folder, "plain data");
      await mkdir(join(context, "tree/it's"), { recursive: true });
      await writeFile(join(context, 'tree/it\'s/$odd [1] "q".txt'), "odd");
      await writeFile(join(context, "say*.sh"), "#!/bin/sh\necho said $1", { mode: 0o755 });
      const ready = backend({
        resources: { cpu: 2, memoryGiB: 2 },
        imageBuilder: {
          base: "node:20-slim",
          env: { TEXT: `x "y" $HOME \\z 'q'` },
          workDir: "/srv/it's here",
          contextDirectory: context,
          copy: [
            { from: "tree", to: "data" },
            { from: "say*.sh", to: "/usr/local/bin/" },
          ],
          run: [
            'echo line one\necho "$TEXT" > text; sleep 1',
            ["sh", "-c", `printf %s "$1" > argv`, "sh", `it's "q" $TEXT`],
          ],
        },
      });
      const { events, onEvent, log } = collector();
      await ready.setup({ onEvent });
      const seen = await ready.exec([
        "sh",
        "-c",
        `cd "/srv/it's here" && cat text argv && cat data/*/* && "say*.sh" "$TEXT" && pwd`,
      ]);
      expect(seen.stdout).toBe(
        `x "y" $HOME \\z 'q'\nit's "q" $TEXTodd` + `said x "y" $HOME \\z 'q'\n/srv/it's here\n`,
      );
      expect(log()).toMatch(/FROM node:20-slim\n/);
      expect(log().match(/^line one$/gm)).toHaveLength(1);
      // While it was being built, and not when all was over.
      const firstLog = events.findIndex(({ type }) => type === "build-log");
      const running = events.findIndex(
        (event) => event.type === "sandbox-state" && event.state === "running",
      );
      expect(firstLog).toBeGreaterThan(-1);
      expect(firstLog).toBeLessThan(running);
      const [sandbox] = sandboxes();
      expect(
        emulator.requests.list({ method: "POST", sandboxId: sandbox?.id ?? "" })[0]?.body,
      ).toMatchObject({
        cpu: 2,
        memory: 2,
      });
      await ready.teardown();
    });
  });

  test.concurrent("is built from the SDK's own Image", async ({ expect }) => {
    await withEmulator(expect, {}, async ({ backend }) => {
      const imageBuilder = Image.base("debian:12").runCommands("echo made by the SDK > /made");
      const ready = backend({ imageBuilder });
      await ready.setup();
      expect((await ready.exec("cat /made")).stdout).toBe("made by the SDK\n");
      await ready.teardown();
    });
  });

  test.concurrent("fails with the step, the end of its log, and nothing left", async ({
    expect,
  }) => {
    await withEmulator(expect, {}, async ({ backend, sandboxes }) => {
      const { onEvent, log } = collector();
      const failing = backend({
        imageBuilder: { base: "debian:12", run: ["echo almost; echo no such thing >&2; exit 42"] },
      });
      const error = await rejection(expect, failing.setup({ onEvent }), SetupError, {
        code: "SETUP_FAILED",
        operation: "setup",
        retryable: false,
      });
      expect(error).toMatchObject({ step: "wait", leaked: [] });
      expect(error.message).toMatch(/build_failed\. process .* exit code: 42\./);
      expect(error.message).toMatch(
        /The end of its build log:\n[\s\S]*^almost\nno such thing\nERROR/m,
      );
      expect(error.cause).toBeInstanceOf(SandboxStateError);
      expect(error.cause).toMatchObject({ providerState: "build_failed" });
      expect(log()).toMatch(/^almost\nno such thing\nERROR/m);
      expect(sandboxes()).toEqual([]);
    });
  });
});

describe("the build's log decides nothing", () => {
  const effects = [
    { type: "respond", status: 500 },
    { type: "truncate", bytes: 30 },
    { type: "hang" },
    { type: "reset" },
    { type: "respond", status: 200, body: "", contentType: "application/octet-stream" },
  ] as const;
  test.concurrent.for(isLongRun ? effects : effects.slice(0, 2))(
    "%j",
    async (effect, { expect }) => {
      await withEmulator(expect, {}, async (fixture) => {
        const { backend, fault, config } = fixture;
        // A log belongs to a sandbox by its ID, which is known once it is there.
        const held = fault({}, { type: "hold-state", state: "building_snapshot" });
        const { events, onEvent } = collector();
        const ready = backend({ image: `debian:${config.owner}` });
        const setup = ready.setup({ onEvent });
        await until(() => events.some(({ type }) => type === "sandbox-found"), 20_000);
        const [sandbox] = fixture.sandboxes();
        const struck = fixture.emulator.faults.add({
          match: { path: "/sandboxes/{sandboxId}/build-logs", sandboxId: sandbox?.id ?? "" },
          effect,
        });
        await until(() => struck.hits > 0, 20_000);
        held.remove();
        await setup;
        struck.remove();
        expect((await ready.exec("echo fine")).stdout).toBe("fine\n");
        await ready.teardown();
      });
    },
  );
});

describe("a build that does not end", () => {
  test.concurrent("runs out of time, and is taken back", async ({ expect }) => {
    await withEmulator(expect, {}, async ({ backend, fault, sandboxes, config }) => {
      fault({}, { type: "hold-state", state: "pending_build" });
      const setup = backend({ image: `debian:${config.owner}` }).setup({ timeoutMs: 2_000 });
      const error = await rejection(expect, setup, TimeoutError, {
        code: "TIMEOUT",
        operation: "setup",
        retryable: true,
      });
      expect(error.leaked).toEqual([]);
      expect(sandboxes()).toEqual([]);
    });
  });

  test.concurrent("is aborted, and named when the provider does not let go", async ({ expect }) => {
    await withEmulator(expect, {}, async (fixture) => {
      const { backend, fault, sandboxes, config } = fixture;
      const held = fault({}, { type: "hold-state", state: "building_snapshot" });
      const controller = new AbortController();
      const { events, onEvent } = collector();
      const setup = backend({ image: `debian:${config.owner}`, cleanupTimeoutMs: 1_000 }).setup({
        signal: controller.signal,
        onEvent,
      });
      await until(
        () =>
          events.some(
            (event) =>
              event.type === "sandbox-state" && event.providerState === "building_snapshot",
          ),
        20_000,
      );
      controller.abort();
      const error = await rejection(expect, setup, AbortError, {
        code: "ABORTED",
        operation: "setup",
      });
      const [stuck] = sandboxes();
      expect(error.leaked).toMatchObject([{ id: stuck?.id, state: "building_snapshot" }]);
      held.remove();
      await until(() => sandboxes()[0]?.state === "started", 20_000);
      await fixture.request("DELETE", `/sandbox/${stuck?.id}`).catch(() => {});
      await until(() => sandboxes().length === 0, 20_000);
    });
  });
});

test.concurrent("a lost answer of the create is no second sandbox", async ({ expect }) => {
  await withEmulator(expect, {}, async ({ backend, fault, sandboxes, config }) => {
    fault({ method: "POST", path: "/sandbox" }, { type: "handle-then-reset" }, { times: 1 });
    const ready = backend({ image: `debian:${config.owner}` });
    await ready.setup();
    expect(sandboxes()).toHaveLength(1);
    await ready.teardown();
  });
});

describe("is refused before any request", () => {
  const cases: readonly (readonly [string, DaytonaConfig, string, RegExp])[] = [
    [
      "a missing source",
      { imageBuilder: copying("nowhere") },
      "imageBuilder.copy.0.from",
      /there is no .*nowhere/,
    ],
    [
      "a source outside",
      { imageBuilder: copying("../outside") },
      "imageBuilder.copy.0.from",
      /lies outside of/,
    ],
    [
      "a link that leads outside",
      { imageBuilder: copying("leads-out") },
      "imageBuilder.copy.0.from",
      /lies outside of/,
    ],
    [
      "links in a directory",
      { imageBuilder: copying("linked") },
      "imageBuilder.copy.0.from",
      /symbolic link/,
    ],
  ];
  beforeAll(async () => {
    await mkdir(join(folder, "context/linked"), { recursive: true });
    await writeFile(join(folder, "outside"), "");
    await symlink("../outside", join(folder, "context/leads-out"));
    await symlink("nothing", join(folder, "context/linked/dangling"));
  });

  /** The folder is known when the tests run. */
  function copying(from: string): NonNullable<DaytonaConfig["imageBuilder"]> {
    return {
      base: "debian:12",
      copy: [{ from, to: "/x" }],
      get contextDirectory() {
        return join(folder, "context");
      },
    };
  }

  test.concurrent.for(cases)("%s", async ([, config, path, message], { expect }) => {
    await withEmulator(expect, {}, async ({ backend, emulator, creations }) => {
      const uploads = emulator.requests.count({ surface: "storage" });
      const error = await rejection(expect, backend(config).setup(), ConfigError, {
        code: "CONFIG_INVALID",
        operation: "setup",
      });
      expect(error.path).toBe(path);
      expect(error.message).toMatch(message);
      expect(creations()).toBe(0);
      expect(emulator.requests.count({ surface: "storage" })).toBe(uploads);
    });
  });

  test.concurrent("a source of the SDK's Image that is gone", async ({ expect }) => {
    await withEmulator(expect, {}, async ({ backend, creations }) => {
      const file = join(folder, "soon-gone");
      await writeFile(file, "");
      const imageBuilder = Image.base("debian:12").addLocalFile(file, "/x");
      await rm(file);
      const error = await rejection(expect, backend({ imageBuilder }).setup(), ConfigError, {
        code: "CONFIG_INVALID",
        operation: "setup",
      });
      expect(error.message).toContain(file);
      expect(creations()).toBe(0);
    });
  });
});

test.concurrent("an upload that fails leaves no sandbox, and is no sandbox that may appear", async ({
  expect,
}) => {
  await withEmulator(expect, { latencyMs: 1 }, async ({ backend, emulator, sandboxes }) => {
    await writeFile(join(folder, "uploaded"), "content");
    emulator.faults.add({
      match: { surface: "storage" },
      effect: { type: "respond", status: 403 },
    });
    const imageBuilder = { base: "a:1", copy: [{ from: join(folder, "uploaded"), to: "/x" }] };
    const error = await backend({ imageBuilder })
      .setup({ timeoutMs: 30_000 })
      .catch((failure: unknown) => failure);
    expectAll(error).toMatchObject({ code: "PERMISSION_DENIED", operation: "setup" });
    expect(sandboxes()).toEqual([]);
    expect(emulator.requests.count({ method: "POST", path: "/sandbox" })).toBe(0);
  });
});
