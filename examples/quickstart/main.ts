/**
 * The whole story in one run: a sandbox is made through the official SDK, a repository is cloned into it, its tests run, a
 * file is written, a commit is pushed, a server answers through its preview URL, another process reconnects by the ID alone,
 * and everything is gone at the end.
 *
 *     npm run quickstart
 *     npm run quickstart -- --repo https://github.com/you/repository --test "npm test"
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { config } from "dotenv";
import { createBackend, type DaytonaBackend, SandboxError } from "sandbox-backend";
import { previewServerCommand } from "./preview-server.ts";
import { openProvider, type Provider } from "./provider.ts";
import { StepDisplay } from "./step-display.ts";

config({ quiet: true });

const { values: flags } = parseArgs({
  options: {
    repo: { type: "string" },
    test: { type: "string" },
  },
});

const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
const { signal } = interrupted;

try {
  await run();
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(
    `\n${SandboxError.is(error) ? `${error.name} (${error.code}): ${error.message}` : String(error)}\n`,
  );
}

async function run(): Promise<void> {
  let countRequests: () => number | undefined = () => undefined;
  const display = new StepDisplay(process.stdout, () => countRequests());
  display.heading("sandbox-backend quickstart");
  const provider = await display.step("Find a provider", async (detail) => {
    const found = await openProvider(flags.repo, (text) => display.note(text));
    detail(found.description);
    countRequests = found.countRequests;
    return found;
  });
  await using _provider = provider;
  Object.assign(process.env, provider.environment);

  const branchName = `quickstart-${Date.now().toString(36)}`;
  const backend = createBackend("daytona", {
    owner: "quickstart",
    name: `quickstart/${branchName}`,
    repoUrl: provider.repoUrl,
    branchName,
    ...(provider.workDir === undefined ? {} : { workDir: provider.workDir }),
  });
  await using _backend = backend;
  try {
    await story(display, provider, backend, branchName);
  } finally {
    await display.step("Tear down", async (detail) => {
      await backend.teardown();
      const { state } = await backend.status();
      const left = provider.sandboxesLeft();
      detail(
        left === undefined ? `sandbox ${state}` : `sandbox ${state}; ${left} left at the emulator`,
      );
      if (state !== "deleted" || (left ?? 0) > 0) throw new Error("The sandbox is still there.");
    });
  }
  display.table();
}

async function story(
  display: StepDisplay,
  provider: Provider,
  backend: DaytonaBackend,
  branchName: string,
): Promise<void> {
  await display.step("Create a sandbox, clone the repository", async (detail) => {
    await backend.setup({
      signal,
      onEvent: (event) => {
        if (event.type === "step-started") detail(`${event.step} …`);
        if (event.type === "sandbox-state") detail(event.providerState);
      },
    });
    const { stdout } = await backend.exec("git log -1 --format='%h %s'", { signal });
    detail(`${backend.sandboxId} on branch ${branchName} at ${stdout.trim()}`);
  });

  await display.step("Run the repository's own tests", async (detail) => {
    const command = flags.test ?? (provider.isDemoRepository ? "./test.sh" : undefined);
    if (command === undefined) {
      detail("skipped: name the command with --test");
      return;
    }
    const { stdout, exitCode } = await backend.exec(command, { signal, timeoutMs: 600_000 });
    detail(
      `${command}: exit code ${exitCode}, ${stdout.trim().split("\n").length} lines of output`,
    );
  });

  await display.step("Write a file", async (detail) => {
    await backend.writeFile(
      "QUICKSTART.md",
      `# Written by the host\n\nOn branch ${branchName}.\n`,
      { signal },
    );
    const { size } = await backend.stat("QUICKSTART.md", { signal });
    detail(`QUICKSTART.md, ${size} bytes`);
  });

  await display.step("Commit and push", (detail) =>
    commitAndPush(provider, backend, branchName, detail),
  );
  await display.step("Serve through the preview URL", (detail) => serve(backend, detail));

  await display.step("Reconnect from another process by ID", async (detail) => {
    const path = join(backend.workDir, "QUICKSTART.md");
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--import", "tsx", join(import.meta.dirname, "reconnect.ts"), backend.sandboxId ?? "", path],
      { signal },
    );
    if (!stdout.includes(branchName))
      throw new Error(`The other process read something else: ${stdout}`);
    detail(`it read ${stdout.length} characters of QUICKSTART.md`);
  });
}

async function commitAndPush(
  provider: Provider,
  backend: DaytonaBackend,
  branchName: string,
  detail: (text: string) => void,
): Promise<void> {
  const identity = "-c user.name=quickstart -c user.email=quickstart@localhost";
  await backend.exec(
    `git add QUICKSTART.md && git ${identity} commit --quiet -m "Add QUICKSTART.md"`,
    { signal },
  );
  if (!provider.isDemoRepository) {
    // A demonstration must not write to a repository that is somebody's.
    const { stdout } = await backend.exec("git rev-parse --short HEAD", { signal });
    detail(`committed ${stdout.trim()}; not pushed, since the repository is not the demo's own`);
    return;
  }
  await backend.exec(["git", "push", "--quiet", "origin", branchName], { signal });
  const { stdout } = await backend.exec(
    ["git", "ls-remote", "origin", `refs/heads/${branchName}`],
    { signal },
  );
  const { stdout: head } = await backend.exec("git rev-parse HEAD", { signal });
  if (!stdout.startsWith(head.trim())) throw new Error("The remote does not have the commit.");
  detail(`the remote has ${head.slice(0, 7)} on ${branchName}`);
}

async function serve(backend: DaytonaBackend, detail: (text: string) => void): Promise<void> {
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  const answer = "Hello from the sandbox!";
  await backend.exec(previewServerCommand(port, answer), { signal });
  const preview = await backend.getPreviewUrl(port, { signal });
  const giveUpAtMs = Date.now() + 15_000;
  for (;;) {
    const response = await fetch(preview.url, {
      headers: preview.headers,
      redirect: "manual",
      signal,
    });
    const text = await response.text();
    if (response.ok && text === answer) {
      detail(`${preview.url.replace(/-[a-z0-9]{16}\./, "-….")} says: ${text}`);
      return;
    }
    if (Date.now() > giveUpAtMs) {
      const { stdout } = await backend.exec("cat /tmp/preview-server.log", { check: false });
      throw new Error(`The preview URL answers ${response.status}. The server said: ${stdout}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
