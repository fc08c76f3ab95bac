import { execFile, spawnSync } from "node:child_process";
import { readdir, readFile, rmdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { CommandRunner } from "../../../../src/core/commands/command-runner.ts";
import { until } from "../../../helpers/until.ts";
import { CommandBench, text } from "./run-command.ts";

/** How this user may make namespaces; undefined where the kernel or a container forbids it. */
const unshare = [["unshare"], ["unshare", "--user", "--map-root-user"]].find(
  ([program = "", ...words]) =>
    spawnSync(program, [...words, "--mount", "--pid", "--fork", "--mount-proc", "true"]).status ===
    0,
);
const run = promisify(execFile);

describe.skipIf(unshare === undefined)("in a namespace", { timeout: 30_000 }, () => {
  const [program = "", ...words] = unshare ?? [];

  for (const shell of ["dash", "bash", "busybox", "zsh"]) {
    test(`a short command takes five processes, that of the provider included (${shell})`, async ({
      skip,
    }) => {
      const bench = await CommandBench.open({ outer: shell, inner: shell }).catch(() =>
        skip(`There is no ${shell}.`),
      );
      await using _ = bench;
      // The first of a client also looks for leftovers.
      for (let count = 0; count < 3; count++) await bench.run("echo hi");
      const [, first, second] = bench.channel.scripts;
      for (const [name, script] of [
        ["first", first],
        ["second", second],
      ] as const) {
        await writeFile(join(bench.channel.home, name), renamed(script ?? ""));
      }
      // In a namespace of their own, process numbers count the forks.
      const count = [
        `${bench.channel.shellPath} <first >/dev/null`,
        "sh -c 'echo $$'",
        `${bench.channel.shellPath} <second`,
        "sh -c 'echo $$'",
      ].join("\n");
      const namespace = ["--pid", "--fork", "--mount-proc", "--kill-child"];
      const { stdout } = await run(program, [...words, ...namespace, "sh", "-c", count], {
        cwd: bench.channel.home,
        env: { PATH: process.env.PATH, HOME: bench.channel.home },
      });
      expect(stdout).toContain("\nhi\n");
      const numbers = stdout
        .split("\n")
        .filter((line) => /^\d+$/.test(line))
        .map(Number);
      expect((numbers[1] ?? 0) - (numbers[0] ?? 0) - 1).toBe(5);
    });
  }

  test("a command from before a restart is unknown", async () => {
    await using bench = await CommandBench.open({}, { timing: { firstAnswerSeconds: 0.1 } });
    // Each request sees another process 1, as after a restart.
    await bench.channel.useShellScript(
      `exec ${[program, ...words].join(" ")} --pid --fork --mount-proc --kill-child dash`,
    );
    await expect(bench.run("sleep 600", { processId: "step" })).rejects.toMatchObject({
      code: "COMPLETION_UNKNOWN",
      reason: "sandbox-restarted",
      processId: "step",
    });
    const call = { signal: AbortSignal.timeout(10_000) };
    expect(await bench.runner.lookUp("step", call)).toEqual({ state: "unknown" });
  });

  test("a disk without room refuses the command and runs nothing", async () => {
    await using bench = await CommandBench.open();
    await bench.channel.useShellScript(
      `exec ${[program, ...words].join(" ")} --mount sh -c 'mount -t tmpfs -o size=16k none "$HOME" && exec dash'`,
    );
    await expect(
      bench.run(`echo ran >/tmp/${Date.now()}-ran # ${"x".repeat(100_000)}`, { cwd: "/" }),
    ).rejects.toMatchObject({ code: "FILE_ACCESS", reason: "no-space" });
  });
});

describe("the private folder", { timeout: 30_000 }, () => {
  test("is in /tmp where there is no home", async () => {
    await using bench = await CommandBench.open();
    bench.channel.setEnv({ HOME: join(bench.channel.home, "missing") });
    expect(await bench.run("echo hi")).toMatchObject({ exitCode: 0 });
    expect(await readdir(bench.channel.home)).toEqual([]);
    const folder = `/tmp/.sandbox-backend-run-${process.getuid?.()}`;
    expect((await readdir(folder)).length).toBeGreaterThan(0);
    await bench.runner.dispose(AbortSignal.timeout(5_000));
    // Only when nobody else on this machine has records there.
    await rmdir(folder).catch(() => undefined);
  });

  test("that is somebody's link is not used", async () => {
    await using bench = await CommandBench.open();
    await bench.channel.useShellScript(
      'mkdir -p "$HOME/.sandbox-backend" "$HOME/elsewhere"; ln -sfn "$HOME/elsewhere" "$HOME/.sandbox-backend/run"; exec dash',
    );
    await expect(bench.run("echo hi")).rejects.toMatchObject({ code: "FILE_ACCESS" });
    expect(await readdir(join(bench.channel.home, "elsewhere"))).toEqual([]);
  });

  test("is cleared of what hosts left behind a day ago, and of nothing else", async () => {
    await using bench = await CommandBench.open({}, { timing: { firstAnswerSeconds: 0.1 } });
    await bench.run("echo old");
    await bench.run("echo young");
    await bench.run("echo kept", { processId: "kept", keep: true });
    const controller = new AbortController();
    const alive = bench.run("sleep 600", { signal: controller.signal });
    await until(() => bench.channel.scripts.length >= 5);
    const records = await recordsOf(bench);
    const dayAgo = Date.now() / 1_000 - 25 * 3_600;
    for (const name of await readdir(bench.channel.folder)) {
      if (name.startsWith(records.get("young\n") ?? "?")) continue;
      await utimes(join(bench.channel.folder, name), dayAgo, dayAgo);
    }
    const later = new CommandRunner({ channel: bench.channel, sandboxId: "sandbox-1" });
    const request = {
      command: ":",
      cwd: "/",
      env: {},
      timeoutMs: 10_000,
      maxOutputBytes: 10,
      maxLogBytes: 10,
    };
    await later.run(request, AbortSignal.timeout(10_000));
    await until(async () => !(await recordsOf(bench)).has("old\n"));
    const left = await recordsOf(bench);
    expect([...left.keys()].sort()).toEqual(["", "kept\n", "young\n"]);
    expect(await bench.runner.lookUp("kept", { signal: AbortSignal.timeout(5_000) })).toEqual({
      state: "exited",
      exitCode: 0,
    });
    controller.abort();
    await expect(alive).rejects.toMatchObject({ name: "AbortError" });
  });

  test("may vanish under a command, whose end is then unknown", async () => {
    await using bench = await CommandBench.open({}, { timing: { firstAnswerSeconds: 0.1 } });
    await expect(
      bench.run('sleep 0.5; rm -rf "$HOME/.sandbox-backend"; sleep 0.5'),
    ).rejects.toMatchObject({ code: "COMPLETION_UNKNOWN", reason: "record-missing" });
  });
});

test("a user's own zsh settings change nothing", async ({ skip }) => {
  const bench = await CommandBench.open({ outer: "zsh" }).catch(() => skip("There is no zsh."));
  await using _ = bench;
  await writeFile(
    join(bench.channel.home, ".zshenv"),
    "setopt NO_CLOBBER NO_UNSET ERR_EXIT EXTENDED_GLOB KSH_ARRAYS RC_QUOTES; echo noise; umask 027\n",
  );
  const quotes = "''a'''b''''";
  const outcome = await bench.run("printf %s 'a'\\''''b'; printf %s \"$Q\"; umask", {
    env: { Q: quotes },
  });
  expect(text(outcome.stdoutBytes)).toBe(`a'b${quotes}0027\n`);
}, 30_000);

test("a variable that the shell does not let be set refuses the command at once", async ({
  skip,
}) => {
  const bench = await CommandBench.open({ outer: "dash", inner: "zsh" }).catch(() =>
    skip("There is no zsh."),
  );
  await using _ = bench;
  const outcome = bench.run("touch ran", { env: { LINES: "no number" } });
  await expect(outcome).rejects.toMatchObject({ code: "FILE_ACCESS" });
  expect(await readdir(bench.channel.home)).not.toContain("ran");
  expect(text((await bench.run("echo $UID", { env: { UID: "4711" } })).stdoutBytes)).toMatch(
    /^\d+\n$/,
  );
}, 30_000);

/** Names of records by what their commands printed. */
async function recordsOf(bench: CommandBench): Promise<Map<string, string>> {
  const records = new Map<string, string>();
  for (const name of await readdir(bench.channel.folder)) {
    if (!name.endsWith(".out")) continue;
    records.set(await readFile(join(bench.channel.folder, name), "utf8"), name.slice(0, -4));
  }
  return records;
}

/** A start script under another name, so that it can be sent again. */
function renamed(script: string): string {
  const record = /r=([0-9a-f]{24}_0)/.exec(script)?.[1] ?? "";
  return script.replaceAll(record, `again${record}`);
}
