import { type BackendType, backendTypes, createProvider, type Providers } from "../index.ts";

/** Options by which every command that needs a provider says which one. Keys come from the environment alone. */
export const providerOptions = {
  type: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

export const providerUsage = `  --type <name>         ${backendTypes.join(" or ")}. Default: daytona.
  --json                Print JSON.

A provider is configured by the environment: DAYTONA_API_KEY, DAYTONA_API_URL, DAYTONA_TARGET; SANDBOX_BACKEND_LOCAL_DIRECTORY.
`;

/** Undefined when there is no such type. */
function providerOf(type = "daytona"): Providers[BackendType] | undefined {
  const known = backendTypes.find((name) => name === type);
  return known === undefined ? undefined : createProvider(known);
}

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Says what was wrong with the command line. Returns its exit code. */
export function complain(mistake: string, usage: string): number {
  process.stderr.write(`${mistake}\n\n${usage}`);
  return 2;
}

/** Runs what talks to a provider. Returns the exit code: 1 for a failure, whose message is for people. */
export async function withProvider(
  type: string | undefined,
  usage: string,
  run: (provider: Providers[BackendType]) => Promise<number>,
): Promise<number> {
  try {
    await using provider = providerOf(type);
    if (provider === undefined)
      return complain(`--type: expected ${backendTypes.join(" or ")}`, usage);
    return await run(provider);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}
