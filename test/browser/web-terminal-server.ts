import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

const program = join(import.meta.dirname, "../../examples/web-terminal/main.ts");
/** Lets the example import this library's sources instead of a build of them. */
const tsconfig = join(import.meta.dirname, "tsconfig.json");

export interface WebTerminalServer {
  readonly child: ChildProcess;
  /** Address of the page. */
  readonly url: string;
  /** Everything it has printed so far. */
  readonly printed: () => string;
  /** Ends it and resolves with its exit code, or with the signal that ended it. */
  end(signal: "SIGINT" | "SIGKILL"): Promise<number | string>;
}

interface StartOptions {
  readonly port: number;
  readonly stateFolder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly args: readonly string[];
}

/** Starts the example in a process of its own; resolves when it says where its page is. */
export async function startWebTerminal(options: StartOptions): Promise<WebTerminalServer> {
  const child = spawnExample(options);
  let printed = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      printed += `${line}\n`;
      const [, address] = /^Open (http:\S+)$/.exec(line) ?? [];
      if (address !== undefined) resolve(address);
    });
    child.once("close", () => reject(new Error(`The server ended:\n${printed}`)));
  });
  return {
    child,
    url,
    printed: () => printed,
    async end(signal) {
      const closed = once(child, "close");
      child.kill(signal);
      const [exitCode, endedBy] = (await closed) as [number | null, string | null];
      return exitCode ?? endedBy ?? "nothing";
    },
  };
}

/** Runs the example to its end, as with `--teardown`. */
export async function runWebTerminal(
  options: StartOptions,
): Promise<{ readonly exitCode: number | null; readonly printed: string }> {
  const child = spawnExample(options);
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
  }
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { exitCode, printed };
}

function spawnExample({ port, stateFolder, env, args }: StartOptions): ChildProcess {
  return spawn(
    process.execPath,
    [
      "--import",
      import.meta.resolve("tsx"),
      program,
      "--port",
      String(port),
      "--state",
      stateFolder,
      ...args,
    ],
    {
      env: { ...process.env, ...env, TSX_TSCONFIG_PATH: tsconfig },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
}
