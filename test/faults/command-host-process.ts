import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { builtProgram } from "../helpers/built-program.ts";
import { until } from "../helpers/until.ts";

const programs = {
  "run-process": await builtProgram(new URL("../fixtures/host/run-process.ts", import.meta.url)),
  "watch-terminal": await builtProgram(
    new URL("../fixtures/host/watch-terminal.ts", import.meta.url),
  ),
};

type Fact = Readonly<Record<string, unknown>>;

/** A host of its own process, see `fixtures/host`. */
export interface RunningHost {
  /** What it has said so far. */
  readonly facts: readonly Fact[];
  /** Resolves when it has said something of this type; rejects when it ends before. */
  says(type: string): Promise<Fact>;
  /** SIGKILL, and resolves when it is dead and everything that it said was read. */
  kill(): Promise<void>;
}

export function startHost(job: object, name: keyof typeof programs = "run-process"): RunningHost {
  const child = spawn(process.execPath, [programs[name], JSON.stringify(job)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const facts: Fact[] = [];
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints += text;
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    // It may be killed in the middle of a line.
    if (line.endsWith("}")) facts.push(JSON.parse(line) as Fact);
  });
  const closed = once(child, "close");
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    facts,
    says: (type) =>
      until(() => {
        const found = facts.find((fact) => fact.type === type);
        if (found !== undefined) return found;
        if (!isAlive()) throw new Error(`The host ended without saying "${type}". ${complaints}`);
        return undefined;
        // Loading the SDK takes long on a busy machine.
      }, 60_000),
    async kill() {
      child.kill("SIGKILL");
      await closed;
    },
  };
}
