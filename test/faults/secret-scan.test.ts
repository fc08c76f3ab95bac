import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { CommandFailedError, SetupError, type SetupEvent } from "../../src/index.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { filesHolding } from "../helpers/files-holding.ts";
import { type GitServer, startGitServer } from "../helpers/git-http-server.ts";
import { rejection, shownForms } from "../helpers/rejection.ts";

const withEmulator = emulatorsOfFile();
const source = join(import.meta.dirname, "../fixtures/agent/agent.cjs");
let gitServer: GitServer;
beforeAll(async () => {
  gitServer = await startGitServer();
});
afterAll(async () => {
  await gitServer.close();
});

/** Where secrets were looked for, with what was found there. */
class Scan {
  readonly places: string[] = [];
  readonly found: string[] = [];
  readonly #forms: readonly string[];

  constructor(forms: readonly string[]) {
    this.#forms = forms;
  }

  /** Looks into everything that a log could show of a value. */
  shown(place: string, value: unknown): void {
    const text = shownForms(value);
    this.note(place, this.#forms.filter((form) => text.includes(form)).length);
  }

  note(place: string, finds: number | readonly string[]): void {
    this.places.push(place);
    const count = typeof finds === "number" ? finds : finds.length;
    if (count > 0) this.found.push(`${place}: ${typeof finds === "number" ? count : finds.join()}`);
  }
}

/** The forms in which shells, URLs, git and HTTP carry a secret. */
function formsOf(secret: string): string[] {
  return [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString("base64").replace(/=+$/, ""),
    JSON.stringify(secret).slice(1, -1),
  ];
}

describe.for(serverProfiles.filter(coversEverything))("server profile %s", (profile) => {
  test.concurrent("no secret is anywhere after a full setup and all operations", async ({
    expect,
  }) => {
    await withEmulator(expect, { profile }, async (fixture) => {
      const { emulator, backend, directory, sandboxes } = fixture;
      const { username, password } = gitServer.credentials;
      const token = `token-${crypto.randomUUID()}`;
      const key = `-----BEGIN KEY-----\nkey-${crypto.randomUUID()}\n-----END KEY-----`;
      const line = key.split("\n")[1] ?? "";
      const basic = Buffer.from(`${username}:${password}`).toString("base64");
      const forms = [token, line, password].flatMap(formsOf).concat(basic);
      const scan = new Scan(forms);
      const events: SetupEvent[] = [];
      const config = {
        repoUrl: gitServer.repositories.private,
        dotfiles: gitServer.repositories.private,
        gitCredentials: { username, password },
        secrets: { AGENT_TOKEN: token, DEPLOY_KEY: key },
        agent: {
          source,
          // Below those that the system gives to connections.
          port: 12_000 + (process.pid % 8_000),
          health: { path: "/health" },
        },
      };
      const first = backend(config);
      await first.setup({ onEvent: (event) => events.push(event) });

      // Every way to run something sees them; nothing here prints one.
      const sees = '[ "${#AGENT_TOKEN}" -gt 40 ] && [ "${#DEPLOY_KEY}" -gt 60 ]';
      await first.exec(sees);
      await first.exec(["sh", "-c", sees], { env: { OWN: "1" } });
      if (first.capabilities.separateUsers === true) await first.exec(sees, { user: "nobody" });
      expect(await (await first.spawn(sees)).wait()).toMatchObject({ exitCode: 0 });
      const pty = await first.attachPty({ rows: 24, cols: 80, command: sees });
      expect(await pty.wait()).toMatchObject({ exitCode: 0 });
      await first.exec("git fetch", { gitCredentials: { username, password } });
      await first.exec("bash -ic 'set -o history; echo remembered; history -a' || :");
      await first.writeFile("file", "content");
      await first.listFiles(".");
      await first.stop();
      await first.start();
      const second = backend({ secrets: config.secrets });
      await second.reconnect(first.sandboxId ?? "");
      await second.exec(sees);
      await second.getAgentAddress({ minTtlMs: 86_400_000 });

      scan.shown(
        "requests that the server logged, the body of the creation included",
        emulator.requests.list(),
      );
      scan.shown("the sandbox in the server's store: labels and environment", sandboxes());
      scan.shown(
        "the sandbox as the API describes it",
        await fixture.describe(first.sandboxId ?? ""),
      );
      scan.shown("events of the setup", events);
      scan.shown("backends, inspected, and their refs", [first, second, first.ref, second.agent]);
      scan.shown("lists of processes and terminals", [
        await first.listProcesses(),
        await first.listPtys(),
      ]);
      const inside = await filesInside(second, forms);
      scan.note(
        "/proc/*/cmdline in the sandbox",
        inside.filter((name) => name.includes("/cmdline")),
      );
      for (const place of [
        ".git/config",
        ".dotfiles/.git/config",
        "_history",
        ".sandbox-backend/",
      ]) {
        scan.note(
          `${place} in the sandbox`,
          inside.filter((name) => name.includes(place)),
        );
      }
      scan.note(
        "every other file of home, working directory, /tmp, /var/tmp, /run",
        inside.filter((name) => !name.startsWith("/dev/shm") && !name.includes("/proc/")),
      );
      scan.note("command lines of this machine", commandLinesHolding(forms));
      scan.note(
        "the sandbox's disk: all layers and the server's state",
        await filesHolding(directory, forms),
      );
      // The same searches find what is there.
      expect(inside.filter((name) => name.startsWith("/dev/shm/"))).toHaveLength(1);
      expect(await filesHolding(directory, [gitServer.repositories.private])).not.toEqual([]);
      await first.teardown();

      // What commands print is theirs; what the library says of it has no secret.
      const failing = backend({ ...config, name: "failing" });
      await failing.setup();
      const failed = await rejection(
        expect,
        failing.exec('echo "$AGENT_TOKEN"; echo "$DEPLOY_KEY" >&2; exit 3'),
        CommandFailedError,
        { code: "COMMAND_FAILED", operation: "exec" },
      );
      expect(failed.result.stdout).toBe("[redacted]\n");
      scan.shown("an error of a command that printed them", failed);
      await failing.teardown();
      const wrong = backend({
        ...config,
        name: "wrong",
        agent: { ...config.agent, args: ["fail"] },
      });
      const wrongEvents: SetupEvent[] = [];
      const broken = await rejection(
        expect,
        wrong.setup({ onEvent: (event) => wrongEvents.push(event) }),
        SetupError,
        { code: "SETUP_FAILED", operation: "setup" },
      );
      scan.shown("an error of a setup whose agent printed one, and its events", [
        broken,
        wrongEvents,
      ]);

      process.stdout.write(
        `secret scan (${profile}): ${forms.length} forms of 3 secrets, looked for in\n${scan.places.map((place) => `  - ${place}\n`).join("")}`,
      );
      expect(scan.found).toEqual([]);
    });
  });
});

/** Files in the sandbox that hold one of the texts; the first character in brackets keeps the search from finding itself. */
async function filesInside(
  backend: { exec: (command: string, options: { check: false }) => Promise<{ stdout: string }> },
  forms: readonly string[],
): Promise<string[]> {
  const patterns = forms.map((form) => {
    const rest = form.slice(1).replaceAll(/[\\.*^$[\]]/g, "\\$&");
    return `-e '[${form[0]}]${rest}'`;
  });
  const places = '"$HOME" "$WORKDIR" /tmp /var/tmp /run /dev/shm /proc/[0-9]*/cmdline';
  const { stdout } = await backend.exec(`grep -rlas ${patterns.join(" ")} -- ${places}`, {
    check: false,
  });
  return stdout.split("\n").filter((name) => name !== "");
}

function commandLinesHolding(forms: readonly string[]): string[] {
  const lines = readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, "utf8")];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
  if (lines.length === 0) throw new Error("No command line could be read");
  return lines.filter((line) => forms.some((form) => line.includes(form)));
}
