import type { Sandbox } from "@daytonaio/sdk";
import { test } from "vitest";
import { ProcessNotFoundError } from "../../../src/index.ts";
import { emulatorsOfFile } from "../../helpers/emulator-fixture.ts";
import { rejection } from "../../helpers/rejection.ts";

const withEmulator = emulatorsOfFile();

test("a terminal of the SDK's own is listed as one that has no record, and our views are not", async ({
  expect,
}) => {
  await withEmulator(expect, {}, async ({ ready }) => {
    const backend = await ready();
    const sandbox = (await backend.native()) as Sandbox;
    const foreign = await sandbox.process.createPty({ id: "byHand", onData: () => undefined });
    const ours = await backend.attachPty({ id: "ours", rows: 24, cols: 80, command: "cat" });
    const reader = ours.output.getReader();
    await ours.write("seen\r");
    await reader.read();
    expect(await backend.listPtys()).toEqual([
      {
        id: "ours",
        isAttachable: true,
        state: "running",
        exitCode: undefined,
        startedAt: expect.any(Date),
      },
      {
        id: "byHand",
        isAttachable: false,
        state: "running",
        exitCode: undefined,
        startedAt: expect.any(Date),
      },
    ]);
    await rejection(
      expect,
      backend.attachPty({ id: "byHand", rows: 24, cols: 80, create: false }),
      ProcessNotFoundError,
      { code: "PROCESS_NOT_FOUND", operation: "attachPty" },
    );
    await foreign.kill();
    await foreign.disconnect();
    expect((await backend.listPtys()).map(({ id }) => id)).toEqual(["ours"]);
    await backend.teardown();
  });
});
