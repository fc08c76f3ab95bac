import { describe, test } from "vitest";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { createProvider, SandboxStateError, SetupError } from "../../src/index.ts";
import { emulatorsOfFile } from "../helpers/emulator-fixture.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { rejection } from "../helpers/rejection.ts";

/** Images whose entry point ends: told at once and by its name, whether or not the server lets the sandbox go on without. */
const withEmulator = emulatorsOfFile();
const { available } = await LocalEngine.probe();

const imageThat = (script: string) => ({
  imageBuilder: { base: "debian:12", entrypoint: ["sh", "-c", script] },
});

describe.skipIf(!available)("an entry point", () => {
  test.concurrent("that ends at once beside a sandbox that goes on", async ({ expect }) => {
    await withEmulator(expect, {}, async ({ backend, sandboxes }) => {
      const failing = backend(imageThat("echo no such service >&2; exit 5"));
      const error = await rejection(expect, failing.setup(), SetupError, {
        code: "SETUP_FAILED",
        operation: "setup",
        retryable: false,
      });
      expect(error).toMatchObject({ step: "probe", leaked: [] });
      expect(error.message).toMatch(/exit code 5.*long-running.*no such service/s);
      expect(error.cause).toBeInstanceOf(SandboxStateError);
      expect(error.cause).toMatchObject({ reason: "entrypoint-ended" });
      expect(failing.sandboxId).toBeUndefined();
      expect(sandboxes()).toEqual([]);
    });
  });

  test.concurrent.for([
    ["exit 5", { step: "wait" }, { reason: "entrypoint-ended", providerState: "error" }],
    // The server takes it for one that runs.
    ["sleep 1.3", {}, { reason: "stopped-by-itself" }],
  ] as const)(
    "that is the sandbox's first process and does: %s",
    async ([script, facts, cause], { expect }) => {
      await withEmulator(
        expect,
        { useSnapshotEntrypoint: true },
        async ({ backend, sandboxes }) => {
          const error = await rejection(
            expect,
            backend(imageThat(script)).setup({ timeoutMs: 60_000 }),
            SetupError,
            {
              code: "SETUP_FAILED",
              operation: "setup",
              retryable: false,
            },
          );
          expect(error).toMatchObject({ ...facts, leaked: [] });
          expect(error.message).toMatch(/long-running/);
          expect(error.cause).toBeInstanceOf(SandboxStateError);
          expect(error.cause).toMatchObject(cause);
          expect(sandboxes()).toEqual([]);
        },
      );
    },
  );

  // The creation itself is refused then, by the server's 400 of a sandbox that exists.
  test.runIf(isLongRun)("that a snapshot brings along", async ({ expect }) => {
    const options = { useSnapshotEntrypoint: true };
    await withEmulator(expect, options, async ({ backend, config, sandboxes }) => {
      await using provider = createProvider("daytona", {
        apiKey: config.apiKey,
        apiUrl: config.apiUrl,
      });
      const { imageBuilder: image } = imageThat("exit 5");
      await provider.snapshots.build({ name: "ends:1", image });
      const error = await rejection(expect, backend({ snapshot: "ends:1" }).setup(), SetupError, {
        code: "SETUP_FAILED",
        operation: "setup",
        retryable: false,
      });
      expect(error).toMatchObject({ step: "wait", leaked: [] });
      expect(error.cause).toMatchObject({ reason: "entrypoint-ended", providerState: "error" });
      expect(sandboxes()).toEqual([]);
    });
  });
});
