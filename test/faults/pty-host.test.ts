import { test } from "vitest";
import { WireClient } from "../emulator/wire-client.ts";
import { emulatorsOfFile } from "../helpers/emulator-fixture.ts";
import { processesOf } from "../helpers/processes-of.ts";
import { until } from "../helpers/until.ts";
import { startHost } from "./command-host-process.ts";

const withEmulator = emulatorsOfFile();

test("the view of a host that was killed ends by itself, and the terminal goes on", async ({
  expect,
}) => {
  await withEmulator(expect, {}, async ({ emulator, ready, config }) => {
    const backend = await ready();
    const { sandboxId } = backend;
    const pty = await backend.attachPty({
      id: "watched",
      rows: 24,
      cols: 80,
      // Shows something now and then, so that the view is proven to be live.
      command: "trap 'exit 4' TERM HUP; while :; do echo beat; sleep 0.2; done",
    });
    const wire = new WireClient(emulator);
    const sessions = async (): Promise<number> => {
      const { body } = await wire.toolbox("GET", sandboxId, "/process/pty");
      return (body.sessions as { active: boolean }[]).filter(({ active }) => active).length;
    };
    // Every process of a sandbox has its ID in the environment.
    const isViewed = async (): Promise<boolean> =>
      (await processesOf(sandboxId)).some((line) => line.includes(".view "));
    const job = { config, sandboxId, ptyId: pty.id, lifeSeconds: 8 };
    const host = startHost(job, "watch-terminal");
    await host.says("watching");
    await until(isViewed);
    await host.kill();
    expect(await isViewed()).toBe(true);

    await until(async () => !(await isViewed()), 30_000);
    await until(async () => (await sessions()) === 0);
    expect((await backend.listPtys()).map(({ id, state }) => [id, state])).toEqual([
      ["watched", "running"],
    ]);
    // The program deals with the signal, and its code is the terminal's.
    expect(await pty.kill()).toBe(true);
    expect((await pty.wait()).exitCode).toBe(4);
    await backend.teardown();
  });
});
