import { join } from "node:path";
import {
  type AgentAddress,
  createBackend,
  type DaytonaConfig,
  SandboxError,
} from "sandbox-backend";

/** A command that must succeed before a branch counts as good. */
export interface GateResult {
  readonly command: string;
  readonly exitCode: number;
  readonly durationMs: number;
}

/** What the table says about one branch. */
export interface BranchReport {
  readonly branchName: string;
  readonly sandboxId: string | undefined;
  readonly agentUrl: string | undefined;
  /** ID of a terminal that any process with the sandbox's `ref` can attach to. */
  readonly terminalId: string | undefined;
  readonly filesChanged: number | undefined;
  readonly gates: readonly GateResult[];
  readonly durationMs: number;
  /** Why the branch has no result. */
  readonly failure: string | undefined;
  /** Whether the sandbox is proven gone. */
  readonly isTornDown: boolean;
}

export interface BranchTask {
  readonly branchName: string;
  /** Files that the host app writes into the branch, by path. */
  readonly edits: Readonly<Record<string, string>>;
}

export interface BranchOptions {
  readonly repoUrl: string;
  /** The gates, in their order. All run, whatever the others say. */
  readonly gates: readonly string[];
  readonly agentPort: number;
  /** Undefined: `/workspace`. */
  readonly workDir: string | undefined;
  readonly signal: AbortSignal;
  readonly say: (branchName: string, text: string) => void;
}

/** The configuration of one branch's sandbox. */
export function branchConfig(task: BranchTask, options: BranchOptions): DaytonaConfig {
  return {
    owner: "branch-sandboxes",
    name: `${new URL(options.repoUrl).pathname.replace(/^\/|\.git$/g, "")}/${task.branchName}`,
    repoUrl: options.repoUrl,
    branchName: task.branchName,
    image: "node:20-slim",
    resources: { cpu: 2, memoryGiB: 2, diskGiB: 10 },
    workDir: options.workDir ?? "/workspace",
    labels: { app: "branch-sandboxes", branch: task.branchName.replaceAll("/", "-") },
    env: { CI: "1", BRANCH_TASK: task.branchName },
    agent: {
      port: options.agentPort,
      source: join(import.meta.dirname, "agent.cjs"),
      command: 'exec node "$SANDBOX_AGENT_FILE"',
    },
  };
}

/** Gives a branch its sandbox, works in it, tears it down, and says what came of it. Never rejects. */
export async function runBranch(task: BranchTask, options: BranchOptions): Promise<BranchReport> {
  const { branchName } = task;
  const { signal } = options;
  const say = (text: string): void => options.say(branchName, text);
  const startedAtMs = performance.now();
  const report = {
    sandboxId: undefined as string | undefined,
    agentUrl: undefined as string | undefined,
    terminalId: undefined as string | undefined,
    filesChanged: undefined as number | undefined,
    gates: [] as GateResult[],
    failure: undefined as string | undefined,
    isTornDown: false,
  };
  let isLeaked = false;
  const backend = createBackend("daytona", branchConfig(task, options));
  await using _backend = backend;
  try {
    await backend.setup({ signal });
    report.sandboxId = backend.sandboxId;
    say(`sandbox ${backend.sandboxId} is ready`);

    const address = backend.agent;
    if (address === undefined) throw new Error("The sandbox has no agent.");
    report.agentUrl = address.url;
    say(`its agent says ${JSON.stringify(await askAgent(address, signal))}`);

    const terminal = await backend.attachPty({ rows: 30, cols: 100, signal });
    report.terminalId = terminal.id;
    // It goes on without anybody who looks at it.
    await terminal.detach();

    await backend.writeFiles(
      Object.entries(task.edits).map(([path, content]) => ({ path, content })),
      { signal },
    );
    const { stdout } = await backend.exec("git status --porcelain", { signal });
    report.filesChanged = stdout.split("\n").filter((line) => line !== "").length;

    for (const command of options.gates) {
      const { exitCode, durationMs } = await backend.exec(command, {
        signal,
        check: false,
        timeoutMs: 600_000,
      });
      report.gates.push({ command, exitCode, durationMs });
      say(`gate ${command}: exit code ${exitCode}`);
    }
  } catch (error) {
    report.failure = describe(error);
    // Of a setup that failed and could not take everything back.
    isLeaked = hasLeaked(error);
    say(report.failure);
  } finally {
    // Not under the signal: Ctrl-C is the very reason to tear down.
    report.isTornDown = await backend.teardown().then(
      () => !isLeaked,
      (error: unknown) => {
        say(describe(error));
        return false;
      },
    );
  }
  return { branchName, ...report, durationMs: performance.now() - startedAtMs };
}

/** What the host app asks its agent, through its preview address. */
async function askAgent(address: AgentAddress, signal: AbortSignal): Promise<unknown> {
  const { url, headers } = address;
  const response = await fetch(url, { headers, redirect: "manual", signal });
  if (!response.ok) throw new Error(`The agent answers ${response.status}.`);
  return response.json();
}

function hasLeaked(error: unknown): boolean {
  const { leaked } = (error ?? {}) as { readonly leaked?: readonly unknown[] };
  return (leaked?.length ?? 0) > 0;
}

function describe(error: unknown): string {
  if (SandboxError.is(error)) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
