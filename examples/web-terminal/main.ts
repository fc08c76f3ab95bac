/**
 * A sandbox in a browser: its terminal, its files and its state on one page. The terminal outlives the page and this server: reload
 * the page, or end the server and start it again, and it goes on.
 *
 *     npm run example:web-terminal
 *     npm run example:web-terminal -- --repo https://github.com/you/repository --branch main
 *     npm run example:web-terminal -- --teardown
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { config } from "dotenv";
import { reconnectBackend, SandboxError, SandboxNotFoundError } from "sandbox-backend";
import { openProvider, openSandbox } from "./open-sandbox.ts";
import { SharedTerminal } from "./shared-terminal.ts";
import { startServer } from "./start-server.ts";
import { StateFile, stateFolder } from "./state-file.ts";

config({ quiet: true });

const usage = `Usage: npm run example:web-terminal -- [options]

  --port <number>     Port on 127.0.0.1. Default: 7681; 0 is any free one.
  --repo <url>        Repository to clone into a new sandbox. Default: on an emulator a demo, else none.
  --branch <name>     Its branch.
  --work-dir <path>   Working directory in a new sandbox.
  --state <folder>    Where the sandbox's ID is kept. Default: ${stateFolder()}
  --teardown          Delete the sandbox, and end.

Without DAYTONA_API_KEY it runs on an emulator of its own.
`;

const defaultPort = 7681;

const { values: flags } = parseArgs({
  options: {
    port: { type: "string", default: String(defaultPort) },
    repo: { type: "string" },
    branch: { type: "string" },
    "work-dir": { type: "string" },
    state: { type: "string" },
    teardown: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

const interrupted = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => interrupted.abort(new Error("interrupted")));
}
const { signal } = interrupted;
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

try {
  if (flags.help) process.stdout.write(usage);
  else await run();
} catch (error) {
  if (!signal.aborted) {
    process.exitCode = 1;
    const text = SandboxError.is(error) ? `${error.name}: ${error.message}` : String(error);
    process.stderr.write(`${text}\n`);
  }
}

async function run(): Promise<void> {
  const port = Number(flags.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error("--port: expected a whole number from 0 to 65535");
  }
  const folder = flags.state ?? stateFolder();
  const file = await StateFile.open(join(folder, `${providerName()}.json`));
  await using provider = await openProvider(join(folder, "sandboxes"), say);
  if (flags.teardown) {
    await tearDown(file);
    return;
  }
  const sandbox = await openSandbox(provider, file, {
    repoUrl: flags.repo,
    branchName: flags.branch,
    workDir: flags["work-dir"],
    signal,
    say,
  });
  await using backend = sandbox.backend;
  const terminal = new SharedTerminal(backend, file);
  const server = await startServer({ port, token: file.state.token, sandbox, terminal });
  say(`\nSandbox ${backend.sandboxId}, ${sandbox.provider}`);
  say(`Open ${server.url}`);
  say("Ctrl-C ends this server and leaves the sandbox.");
  await ended();
  await server.close();
  await terminal.close();
  say(`\nSandbox ${backend.sandboxId} is left, with its terminal. Start this again to go on;`);
  say("delete it with: npm run example:web-terminal -- --teardown");
}

async function tearDown(file: StateFile): Promise<void> {
  const { sandbox } = file.state;
  if (sandbox === undefined) {
    say("There is no sandbox to delete.");
  } else {
    try {
      await using backend = await reconnectBackend(sandbox, {}, { signal });
      await backend.teardown({ signal });
      say(`Sandbox ${sandbox.sandboxId} is deleted.`);
    } catch (error) {
      if (!(error instanceof SandboxNotFoundError)) throw error;
      say(`Sandbox ${sandbox.sandboxId} was gone already.`);
    }
  }
  await file.remove();
}

/** Each provider has sandboxes of its own. */
function providerName(): string {
  if ((process.env.DAYTONA_API_KEY ?? "") === "") return "emulator";
  const { host } = new URL(process.env.DAYTONA_API_URL ?? "https://app.daytona.io/api");
  return host.replaceAll(/[^a-zA-Z0-9.-]/g, "_");
}

function ended(): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
