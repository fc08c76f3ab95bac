import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { DaytonaConfig, LocalConfig } from "../../src/index.ts";
import { builtProgram } from "./built-program.ts";

const program = await builtProgram(
  new URL("../fixtures/host/setup-and-report.ts", import.meta.url),
);

export interface HostProcess {
  readonly child: ChildProcess;
  /** Everything it has said so far. */
  readonly facts: readonly Record<string, unknown>[];
  /** Standard error so far. */
  readonly complaints: () => string;
  /** Resolves when it says something with these facts; rejects when it ends first. */
  readonly says: (facts: Record<string, unknown>) => Promise<Record<string, unknown>>;
  readonly ended: Promise<{ readonly exitCode: number | null; readonly signal: string | null }>;
}

/** Starts a host app in a process of its own, see `fixtures/host/setup-and-report.ts`. */
export function startHostProcess(
  config: DaytonaConfig | LocalConfig,
  options: {
    /** Type of the backend. Default: `daytona`. */
    readonly type?: "daytona" | "local";
    readonly afterwards?: "nothing" | "teardown" | "dispose" | "give-up-stop";
    readonly abortAfter?: string;
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): HostProcess {
  const child = spawn(
    process.execPath,
    [
      program,
      JSON.stringify(config),
      options.afterwards ?? "nothing",
      options.abortAfter ?? "",
      options.type ?? "daytona",
    ],
    {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const facts: Record<string, unknown>[] = [];
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints += text;
  });
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    facts.push(JSON.parse(line) as Record<string, unknown>);
    for (const look of waiting) look();
  });
  const ended = once(child, "close").then(([exitCode, signal]) => {
    for (const look of waiting) look();
    return { exitCode: exitCode as number | null, signal: signal as string | null };
  });
  const says = (wanted: Record<string, unknown>) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      const look = (): void => {
        const found = facts.find((fact) =>
          Object.entries(wanted).every(([key, value]) => fact[key] === value),
        );
        if (found === undefined && child.exitCode === null && child.signalCode === null) return;
        waiting.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new Error(`It ended without saying ${JSON.stringify(wanted)}. ${complaints}`));
      };
      waiting.add(look);
      look();
    });
  return { child, facts, complaints: () => complaints, says, ended };
}
