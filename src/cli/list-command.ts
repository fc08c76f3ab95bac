import type { SandboxInfo } from "../index.ts";
import { parseOptions } from "./parse-options.ts";
import {
  complain,
  printLine,
  providerOptions,
  providerUsage,
  withProvider,
} from "./provider-options.ts";

const usage = `Usage: sandbox-backend list [options]

Lists the sandboxes that this library has made.

Options:
  --owner <owner>       Only this owner's. Default: everybody's.
  --confirm             Ask for each by its ID too: a provider's list can be behind.
${providerUsage}`;

/** `sandbox-backend list`. */
export async function runListCommand(args: readonly string[]): Promise<number> {
  const parsed = parseOptions(args, {
    ...providerOptions,
    owner: { type: "string" },
    confirm: { type: "boolean" },
  });
  if ("mistake" in parsed) return complain(parsed.mistake, usage);
  const { help, type, json, owner, confirm } = parsed.values;
  if (help === true) {
    printLine(usage.trimEnd());
    return 0;
  }
  return withProvider(type, usage, async (provider) => {
    const sandboxes = await provider.list({ owner, confirm: confirm === true });
    if (json === true) printLine(JSON.stringify(sandboxes, undefined, 2));
    else for (const sandbox of sandboxes) printLine(describeSandbox(sandbox));
    return 0;
  });
}

/** One sandbox in one line: ID, state, owner, what it is for, last activity. */
export function describeSandbox({
  id,
  state,
  owner,
  configName,
  lastActivityAt,
  leasedUntil,
}: SandboxInfo): string {
  const used = lastActivityAt === undefined ? "unknown" : lastActivityAt.toISOString();
  const lease = leasedUntil === undefined ? [] : [`leased until ${leasedUntil.toISOString()}`];
  return [
    id,
    state,
    `owner ${owner === undefined ? "none" : JSON.stringify(owner)}`,
    `name ${configName === undefined ? "none" : JSON.stringify(configName)}`,
    `used ${used}`,
    ...lease,
  ].join("  ");
}
