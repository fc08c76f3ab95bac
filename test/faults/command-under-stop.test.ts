import { describe, test } from "vitest";
import { CompletionUnknownError, SandboxLostError, SandboxStateError } from "../../src/index.ts";
import { emulatorsOfFile } from "../helpers/emulator-fixture.ts";
import { rejection } from "../helpers/rejection.ts";
import { until } from "../helpers/until.ts";
import { executePlainly } from "./command-probe.ts";

/** A sandbox that ends while the answer of a command's start is on its way: the command has begun. */
const withEmulator = emulatorsOfFile();

describe.concurrent("while a start is being answered", () => {
  for (const [name, errorClass, code, method, path] of [
    ["stopped", CompletionUnknownError, "COMPLETION_UNKNOWN", "POST", "/stop"],
    ["deleted", SandboxLostError, "SANDBOX_LOST", "DELETE", ""],
  ] as const) {
    test.concurrent(`the sandbox is ${name}: it is not said that the command did not run`, async ({
      expect,
    }) => {
      await withEmulator(expect, {}, async ({ ready, emulator, request }) => {
        const backend = await ready();
        const { sandboxId } = backend;
        const failed = rejection<SandboxLostError | CompletionUnknownError>(
          expect,
          backend.exec("echo run >~/ran; sleep 600"),
          errorClass,
          { code, operation: "exec", sandboxId },
        );
        await until(
          async () => (await executePlainly(emulator, sandboxId, "cat ~/ran")) === "run\n",
        );
        await request(method, `/sandbox/${sandboxId}${path}`);
        await failed;
        if (name === "stopped") {
          await until(async () => (await backend.status()).state === "stopped");
          await rejection(expect, backend.exec("true"), SandboxStateError, {
            code: "SANDBOX_STATE",
            operation: "exec",
          });
        }
        await backend.teardown();
      });
    });
  }
});
