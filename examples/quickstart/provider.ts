import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DaytonaEmulator, startDaytonaEmulator } from "sandbox-backend/emulator";
import { type GitServer, startGitServer } from "./demo-repository/git-http-server.ts";

/** Where the quickstart runs: at the live service when a key is set, else on an emulator and a git server of its own. */
export interface Provider extends AsyncDisposable {
  readonly description: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly repoUrl: string;
  readonly isDemoRepository: boolean;
  /** Undefined: the backend's default. */
  readonly workDir: string | undefined;
  readonly countRequests: () => number | undefined;
  /** Sandboxes that are left, where they can be counted from outside. */
  readonly sandboxesLeft: () => number | undefined;
}

export async function openProvider(
  repoUrl: string | undefined,
  say: (text: string) => void,
): Promise<Provider> {
  const apiKey = process.env.DAYTONA_API_KEY;
  if (apiKey !== undefined && apiKey !== "") return openLive(repoUrl);
  const folder = await mkdtemp(join(tmpdir(), "sandbox-backend-quickstart-"));
  const { emulator, workDir } = await startEmulator(folder, say);
  const gitServer = repoUrl === undefined ? await startGitServer() : undefined;
  return {
    description: `Daytona emulator at ${emulator.url}, on this machine`,
    environment: emulator.environment,
    repoUrl: repoUrl ?? (gitServer as GitServer).repositories.public,
    isDemoRepository: repoUrl === undefined,
    workDir,
    countRequests: () => emulator.requests.count(),
    sandboxesLeft: () => emulator.sandboxes().length,
    async [Symbol.asyncDispose]() {
      await gitServer?.close();
      await emulator.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function openLive(repoUrl: string | undefined): Provider {
  if (repoUrl === undefined) {
    throw new Error(
      "DAYTONA_API_KEY is set, so this runs at the live service, which cannot reach a repository on this machine. Name one: npm run quickstart -- --repo https://…",
    );
  }
  return {
    description: `Daytona at ${process.env.DAYTONA_API_URL ?? "https://app.daytona.io/api"}`,
    environment: {},
    repoUrl,
    isDemoRepository: false,
    workDir: undefined,
    countRequests: () => undefined,
    sandboxesLeft: () => undefined,
    async [Symbol.asyncDispose]() {},
  };
}

/**
 * Starts an emulator in a folder, isolated where that is possible here.
 *
 * @param options - `keepSandboxes` leaves the sandboxes in the folder when the emulator is closed. Default: they are deleted.
 */
export async function startEmulator(
  folder: string,
  say: (text: string) => void,
  options: { readonly keepSandboxes?: boolean } = {},
): Promise<{ emulator: DaytonaEmulator; workDir: string | undefined }> {
  const directory = join(folder, "emulator");
  try {
    return { emulator: await startDaytonaEmulator({ directory, ...options }), workDir: undefined };
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ISOLATION_UNAVAILABLE") throw error;
    say(`Sandboxes cannot be isolated on this machine:\n  ${(error as Error).message}`);
    say(
      "So this asks for isolation: 'none' by name. Commands run as ordinary processes, in a folder of their own:",
    );
    say(`  ${folder}`);
    const emulator = await startDaytonaEmulator({ directory, isolation: "none", ...options });
    return { emulator, workDir: "~/workspace" };
  }
}
