import { randomBytes } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { filesHolding } from "../../../helpers/files-holding.ts";
import { processesOf } from "../../../helpers/processes-of.ts";
import { until } from "../../../helpers/until.ts";
import { CommandBench, text } from "./run-command.ts";

describe("records", { timeout: 30_000 }, () => {
  test("lie in a closed folder and are gone after disposal", async () => {
    await using bench = await CommandBench.open();
    await bench.run("echo hi", { stdin: new Uint8Array(Buffer.from("in")) });
    await bench.run("sleep 0.1", { onStdout: () => undefined });
    expect((await stat(bench.channel.folder)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(bench.channel.folder)) {
      if (name.endsWith(".claim")) continue;
      expect([name, (await stat(join(bench.channel.folder, name))).mode & 0o777]).toEqual([
        name,
        0o600,
      ]);
    }
    await bench.runner.dispose(AbortSignal.timeout(5_000));
    expect(await readdir(bench.channel.folder)).toEqual([]);
  });

  test("are removed by later starts, too", async () => {
    await using bench = await CommandBench.open();
    for (let count = 0; count < 30; count++) await bench.run(":");
    const names = await readdir(bench.channel.folder);
    expect(names.filter((name) => name.endsWith(".claim")).length).toBeLessThan(12);
  });

  test("of a given ID run once, whoever asks, and stay", async () => {
    await using bench = await CommandBench.open();
    const command = "echo run >>count; sleep 0.5; echo done; exit 3";
    const outcomes = await Promise.all(
      [1, 2, 3].map(() => bench.run(command, { processId: "setup1" })),
    );
    expect(outcomes.map(({ exitCode }) => exitCode)).toEqual([3, 3, 3]);
    expect(outcomes.map(({ stdoutBytes }) => text(stdoutBytes))).toEqual([
      "done\n",
      "done\n",
      "done\n",
    ]);
    expect(outcomes.filter(({ alreadyStarted }) => !alreadyStarted)).toHaveLength(1);
    await bench.runner.dispose(AbortSignal.timeout(5_000));
    expect(await bench.run("exit 9", { processId: "setup1" })).toMatchObject({
      exitCode: 3,
      alreadyStarted: true,
    });
    expect(await readFile(join(bench.channel.home, "count"), "utf8")).toBe("run\n");
  });

  test("can be looked up", async () => {
    await using bench = await CommandBench.open({}, { timing: { firstAnswerSeconds: 0.1 } });
    const call = { signal: AbortSignal.timeout(20_000) };
    expect(await bench.runner.lookUp("step", call)).toEqual({ state: "none" });
    const run = bench.run("while [ ! -e go ]; do sleep 0.05; done; exit 4", { processId: "step" });
    await until(async () => (await bench.runner.lookUp("step", call)).state === "running");
    await bench.run(": >go");
    await run;
    expect(await bench.runner.lookUp("step", call)).toEqual({ state: "exited", exitCode: 4 });
    expect(await bench.runner.lookUp("other", call)).toEqual({ state: "none" });
  });

  test("an abort of a call that came second leaves the command to the first", async () => {
    await using bench = await CommandBench.open({}, { timing: { firstAnswerSeconds: 0.1 } });
    const first = bench.run("while [ ! -e go ]; do sleep 0.05; done", { processId: "step" });
    await until(() => bench.channel.scripts.length >= 2);
    const controller = new AbortController();
    const second = bench.run(":", { processId: "step", signal: controller.signal });
    await until(() => bench.channel.scripts.length >= 4);
    controller.abort();
    await expect(second).rejects.toMatchObject({ name: "AbortError" });
    await bench.run(": >go");
    expect(await first).toMatchObject({ exitCode: 0, alreadyStarted: false });
  });

  test("an abort before the first answer leaves the command of another call alone", async () => {
    await using bench = await CommandBench.open({}, { timing: { firstAnswerSeconds: 0.1 } });
    const first = bench.run("while [ ! -e go ]; do sleep 0.05; done", { processId: "step" });
    await until(() => bench.channel.scripts.length >= 2);
    const controller = new AbortController();
    bench.channel.hooks.after = async (answer) => {
      controller.abort();
      return answer;
    };
    const second = bench.run(":", { processId: "step", signal: controller.signal });
    await expect(second).rejects.toMatchObject({ name: "AbortError" });
    bench.channel.hooks.after = undefined;
    await bench.run(": >go");
    expect(await first).toMatchObject({ exitCode: 0, signal: undefined });
  });

  test("refuse an ID that is no file name", async () => {
    await using bench = await CommandBench.open();
    for (const processId of ["", "a/b", "..", "a b", "x".repeat(65)]) {
      await expect(bench.run(":", { processId })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    }
  });
});

describe("secrets", { timeout: 30_000 }, () => {
  test("reach the command and leave nothing", async () => {
    await using bench = await CommandBench.open();
    const secret = `it's ${randomBytes(12).toString("hex")}\n$x`;
    const inner = secret.slice(5, 29);
    const run = bench.run(
      'printf %s "$TOKEN" | tr a-z A-Z; : >begun; while [ ! -e go ]; do sleep 0.05; done',
      { secretEnv: { TOKEN: secret } },
    );
    await until(async () => (await readdir(bench.channel.home)).includes("begun"));
    expect(await filesHolding("/dev/shm", [inner])).toEqual([]);
    for (const entry of await processesOf(bench.channel.home)) expect(entry).not.toContain(inner);
    await writeFile(join(bench.channel.home, "go"), "");
    expect(text((await run).stdoutBytes)).toBe(secret.toUpperCase());
    for (const name of await readdir(bench.channel.folder)) {
      expect(await readFile(join(bench.channel.folder, name), "utf8")).not.toContain(inner);
    }
  });

  test("of a command that is refused leave nothing either", async () => {
    await using bench = await CommandBench.open();
    const secret = randomBytes(12).toString("hex");
    await expect(
      bench.run(":", { cwd: "/nowhere", secretEnv: { TOKEN: secret } }),
    ).rejects.toMatchObject({ code: "WORKING_DIRECTORY_NOT_FOUND" });
    expect(await filesHolding("/dev/shm", [secret])).toEqual([]);
  });
});
