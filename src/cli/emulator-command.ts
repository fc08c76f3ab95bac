import type { DaytonaEmulatorOptions } from "../emulator/emulator-options.ts";
import { parseOptions } from "./parse-options.ts";

const usage = `Usage: sandbox-backend emulator [options]

Runs a local Daytona until Ctrl-C, and prints the two environment variables that point a client at it.

Options:
  --port <number>       Port on 127.0.0.1. Default: 3986.
  --directory <path>    Folder of the sandboxes. They are kept when it is given. Default: a temporary folder.
  --profile <name>      cloud or v0.190. Default: cloud.
  --isolation <name>    namespaces or none. Default: namespaces. none runs commands as ordinary processes of this machine.
  --key <key>           API key to accept. Default: DAYTONA_EMULATOR_API_KEY, else a random one.
`;

const defaultPort = 3986;

/** `sandbox-backend emulator`. */
export async function runEmulatorCommand(args: readonly string[]): Promise<number> {
  const parsed = parseOptions(args, {
    port: { type: "string" },
    directory: { type: "string" },
    profile: { type: "string" },
    isolation: { type: "string" },
    key: { type: "string" },
    help: { type: "boolean", short: "h" },
  });
  if ("mistake" in parsed) return complain(parsed.mistake);
  const { help, port, directory, profile, isolation, key } = parsed.values;
  if (help === true) {
    process.stdout.write(usage);
    return 0;
  }
  const portNumber = port === undefined ? defaultPort : Number(port);
  if (!Number.isInteger(portNumber) || portNumber < 0 || portNumber > 65_535) {
    return complain("--port: expected a whole number from 0 to 65535");
  }
  if (profile !== undefined && profile !== "cloud" && profile !== "v0.190") {
    return complain("--profile: expected cloud or v0.190");
  }
  if (isolation !== undefined && isolation !== "namespaces" && isolation !== "none") {
    return complain("--isolation: expected namespaces or none");
  }
  const apiKey = key ?? process.env.DAYTONA_EMULATOR_API_KEY;
  const { resolve } = await import("node:path");
  const options: DaytonaEmulatorOptions = {
    port: portNumber,
    ...(directory === undefined ? {} : { directory: resolve(directory), keepSandboxes: true }),
    ...(profile === undefined ? {} : { profile }),
    ...(isolation === undefined ? {} : { isolation }),
    ...(apiKey === undefined || apiKey === "" ? {} : { apiKeys: [{ key: apiKey }] }),
  };
  const { runEmulator } = await import("../emulator/run-emulator.ts");
  try {
    await runEmulator(options);
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

function complain(mistake: string): number {
  process.stderr.write(`${mistake}\n\n${usage}`);
  return 2;
}
