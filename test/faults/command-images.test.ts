import { describe, type ExpectStatic, test } from "vitest";
import type { DaytonaBackend } from "../../src/backends/daytona/daytona-backend.ts";
import { sandboxesHaveUsers } from "../helpers/capabilities.ts";
import { emulatorsOfFile } from "../helpers/emulator-fixture.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { until } from "../helpers/until.ts";
import { FaultOutcomes } from "./command-outcomes.ts";
import { executePlainly, read, runProbe } from "./command-probe.ts";

/** Images that have little, or have it otherwise. A sandbox is made into one by a script; its system directories are its own. */
const withEmulator = emulatorsOfFile();
const outcomes = FaultOutcomes.ofFile("Commands in images of every kind");

const removed = "bash zsh python3* perl* base64 awk gawk mawk sed xxd od stdbuf nohup sudo git";

interface Image {
  readonly name: string;
  /** Makes the sandbox into it. */
  readonly script: string;
  /** Proves that it is one: what the provider's own shell prints. */
  readonly proof: readonly [command: string, printed: string];
}

const images: readonly Image[] = [
  {
    name: "only sh, which is dash",
    script: `cd /usr/bin && ln -sf dash sh && rm -f ${removed} busybox /etc/shells`,
    proof: [
      'for p in bash zsh python3 base64; do command -v $p; done; [ -z "$BASH$ZSH_VERSION" ] && echo plain',
      "plain\n",
    ],
  },
  {
    name: "busybox for everything",
    script: `cd /usr/bin && rm -f ${removed} dash /etc/shells && for p in sh cat sleep rm tail head wc grep mkfifo ln mv env mkdir ls find sha256sum; do ln -sf busybox $p; done`,
    proof: [
      'ls -l /proc/$$/exe | grep -c busybox; sleep --help 2>&1 | head -n 1 | cut -d" " -f 1',
      "1\nBusyBox\n",
    ],
  },
  {
    name: "bash as the shell and as sh",
    script: "cd /usr/bin && rm -f zsh && ln -sf bash sh && echo /usr/bin/bash >/etc/shells",
    proof: ['echo "${BASH##*/}"', "bash\n"],
  },
  {
    name: "zsh that begins slowly, talks, and has odd settings",
    script:
      "echo /usr/bin/zsh >/etc/shells; printf '%s\\n' 'sleep 0.2' 'echo noise' 'setopt NO_CLOBBER NO_UNSET KSH_ARRAYS EXTENDED_GLOB RC_QUOTES' 'umask 027' >~/.zshenv",
    proof: ["echo ${ZSH_VERSION:+zsh}", "noise\nzsh\n"],
  },
];

/** The short run leaves the others to the tests of the shells alone. */
const tried = images.filter((_, index) => isLongRun || index % 2 === 1);

describe.concurrent("an image with", { timeout: 300_000 }, () => {
  for (const { name, script, proof } of tried) {
    test.concurrent(name, async ({ expect, skip }) => {
      await withEmulator(expect, {}, async ({ ready, emulator, config }) => {
        // Without namespaces the system's directories would be this machine's.
        if (config.workDir !== undefined) skip("There are no namespaces here.");
        const backend = await ready();
        const { sandboxId } = backend;
        await executePlainly(emulator, sandboxId, script);
        expect(await executePlainly(emulator, sandboxId, proof[0])).toBe(proof[1]);

        for (const kind of ["exec", "streamed", "spawn"] as const) {
          await runProbe(expect, backend, kind);
          outcomes.add(`image with ${name}: ${kind}`, "right result, ran once");
        }
        const child = await backend.spawn("cat; echo end", { stdin: "open" });
        for (const piece of ["it's\n", Uint8Array.from([0, 255, 10])]) await child.write(piece);
        await child.closeInput();
        const written = (await read(child.stdout)).toString("latin1");
        expect(written).toBe("it's\n\0\xff\nend\n");
        await expect(
          backend.exec("sleep 600 & sleep 601", { timeoutMs: 2_000 }),
        ).rejects.toMatchObject({ code: "COMMAND_TIMEOUT" });
        const list = await backend.listProcesses();
        expect(list.map(({ state, exitCode }) => `${state} ${exitCode}`).sort()).toEqual([
          "exited 0",
          "exited 7",
        ]);
        outcomes.add(`image with ${name}: input, time-out, list`, "right results");
        await backend.teardown();
      });
    });
  }
});

const others = sandboxesHaveUsers ? "another user" : "no other user (there is none here)";
test.concurrent(`no folder for temporary files, a home that is not there, and ${others}`, async ({
  expect,
  skip,
}) => {
  await withEmulator(expect, {}, async ({ ready, emulator, config }) => {
    if (config.workDir !== undefined) skip("There are no namespaces here.");
    const backend = await ready({ env: { TMPDIR: "/missing" } });
    const { sandboxId } = backend;
    await executePlainly(emulator, sandboxId, "chmod 777 /workspace; mv /tmp /tmp-elsewhere");
    for (const kind of ["exec", "streamed", "spawn"] as const) {
      await runProbe(expect, backend, kind);
      outcomes.add(`no TMPDIR, no /tmp: ${kind}`, "right result, ran once");
    }
    if (sandboxesHaveUsers) await runAsAnother(expect, backend);
    await executePlainly(emulator, sandboxId, "mv /tmp-elsewhere /tmp");
    await backend.teardown();
  });
});

async function runAsAnother(expect: ExpectStatic, backend: DaytonaBackend): Promise<void> {
  const { stdout } = await backend.exec("id -un; echo $HOME; echo $TMPDIR; cat", {
    user: "nobody",
    stdin: "in",
  });
  expect(stdout).toBe("nobody\n/nonexistent\n/missing\nin");
  const child = await backend.spawn("id -un; exec sleep 600", { user: "nobody" });
  await until(async () => String((await child.output()).bytes) === "nobody\n");
  expect(await child.kill()).toBe(true);
  expect((await child.wait()).exitCode).toBe(143);
  outcomes.add("no TMPDIR, no /tmp: a user without a home", "right results, killed");
}
