import { mkdir } from "node:fs/promises";
import { createBackend, reconnectBackend, SandboxNotFoundError } from "sandbox-backend";
import { startGitServer } from "../quickstart/demo-repository/git-http-server.ts";
import { startEmulator } from "../quickstart/provider.ts";
import type { Sandbox } from "./sandbox-api.ts";
import type { StateFile } from "./state-file.ts";

export interface Provider extends AsyncDisposable {
  readonly description: string;
  /** Whether sandboxes reach servers of this machine, as the emulator's do. */
  readonly isHere: boolean;
  /** Undefined: the backend's default. */
  readonly workDir: string | undefined;
}

/** The service that the environment names; without a key an emulator of this process, whose sandboxes stay in a folder. */
export async function openProvider(
  emulatorFolder: string,
  say: (text: string) => void,
): Promise<Provider> {
  const apiKey = process.env.DAYTONA_API_KEY;
  if (apiKey !== undefined && apiKey !== "") {
    const url = process.env.DAYTONA_API_URL ?? "https://app.daytona.io/api";
    const { hostname } = new URL(url);
    return {
      description: `Daytona at ${url}`,
      isHere: hostname === "127.0.0.1" || hostname === "localhost",
      workDir: undefined,
      async [Symbol.asyncDispose]() {},
    };
  }
  await mkdir(emulatorFolder, { recursive: true, mode: 0o700 });
  const { emulator, workDir } = await startEmulator(emulatorFolder, say, { keepSandboxes: true });
  Object.assign(process.env, emulator.environment);
  return {
    description: "Daytona emulator in this process",
    isHere: true,
    workDir,
    [Symbol.asyncDispose]: () => emulator.close(),
  };
}

export interface SandboxOptions {
  readonly repoUrl: string | undefined;
  readonly branchName: string | undefined;
  readonly workDir: string | undefined;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

/** The sandbox of the state file, else a new one, whose ID goes there. */
export async function openSandbox(
  provider: Provider,
  file: StateFile,
  options: SandboxOptions,
): Promise<Sandbox> {
  const { sandbox, name } = file.state;
  if (sandbox !== undefined && name !== undefined) {
    try {
      options.say(`Reconnecting to sandbox ${sandbox.sandboxId} …`);
      const backend = await reconnectBackend(sandbox, {}, { signal: options.signal });
      return { backend, name, provider: provider.description };
    } catch (error) {
      if (!(error instanceof SandboxNotFoundError)) throw error;
      options.say(`${error.message} A new one is made.`);
      await file.change({ sandbox: undefined, terminal: undefined });
    }
  }
  return makeSandbox(provider, file, options);
}

async function makeSandbox(
  provider: Provider,
  file: StateFile,
  options: SandboxOptions,
): Promise<Sandbox> {
  const usesDemo = options.repoUrl === undefined && provider.isHere;
  await using demo = usesDemo ? await startGitServer() : undefined;
  const repoUrl = options.repoUrl ?? demo?.repositories.public;
  const branchName = options.branchName ?? (usesDemo ? "web-terminal" : undefined);
  const workDir = options.workDir ?? provider.workDir;
  const name = repoUrl === undefined ? "web-terminal" : nameOf(repoUrl, usesDemo);
  const backend = createBackend("daytona", {
    owner: "web-terminal",
    name: `${name}-${Date.now().toString(36)}`,
    ...(repoUrl === undefined ? {} : { repoUrl }),
    ...(branchName === undefined ? {} : { branchName }),
    ...(workDir === undefined ? {} : { workDir }),
  });
  options.say("Making a sandbox …");
  await backend.setup({ signal: options.signal });
  await file.change({ sandbox: backend.ref, name });
  return { backend, name, provider: provider.description };
}

function nameOf(repoUrl: string, isDemo: boolean): string {
  if (isDemo) return "demo";
  const last = new URL(repoUrl).pathname.split("/").findLast((part) => part !== "");
  return last?.replace(/\.git$/, "") ?? "web-terminal";
}
