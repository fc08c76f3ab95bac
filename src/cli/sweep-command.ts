import { describeSandbox } from "./list-command.ts";
import { parseOptions } from "./parse-options.ts";
import {
  complain,
  printLine,
  providerOptions,
  providerUsage,
  withProvider,
} from "./provider-options.ts";

const usage = `Usage: sandbox-backend sweep --owner <owner> [options]

Says which of the owner's sandboxes nobody has used for a while, and with --delete deletes them. Exit code 1 when one could not be
deleted.

Options:
  --owner <owner>       Whose sandboxes. Required.
  --delete              Delete them.
  --idle-hours <hours>  Hours since the last activity from which a sandbox is swept. Default: 24.
  --include-running     Also those that run.
  --include-leased      Also those that a lease holds.
${providerUsage}`;

/** `sandbox-backend sweep`. */
export async function runSweepCommand(args: readonly string[]): Promise<number> {
  const parsed = parseOptions(args, {
    ...providerOptions,
    owner: { type: "string" },
    delete: { type: "boolean" },
    "idle-hours": { type: "string" },
    "include-running": { type: "boolean" },
    "include-leased": { type: "boolean" },
  });
  if ("mistake" in parsed) return complain(parsed.mistake, usage);
  const { help, type, json, owner, "idle-hours": idleHours, ...flags } = parsed.values;
  if (help === true) {
    printLine(usage.trimEnd());
    return 0;
  }
  if (owner === undefined || owner === "")
    return complain("--owner: expected whose sandboxes", usage);
  const hours = Number(idleHours ?? "24");
  if (idleHours === "" || !Number.isFinite(hours) || hours < 0) {
    return complain("--idle-hours: expected a number from 0", usage);
  }
  return withProvider(type, usage, async (provider) => {
    const result = await provider.sweep({
      owner,
      dryRun: flags.delete !== true,
      idleMs: Math.round(hours * 3_600_000),
      includeRunning: flags["include-running"] === true,
      includeLeased: flags["include-leased"] === true,
    });
    if (json === true) {
      printLine(JSON.stringify(result, undefined, 2));
    } else {
      const done = result.dryRun ? result.selected : result.deleted;
      const word = result.dryRun ? "would delete" : "deleted";
      for (const sandbox of done) printLine(`${word}  ${describeSandbox(sandbox)}`);
      for (const { sandbox, reason } of result.skipped) {
        printLine(`skipped (${reason})  ${describeSandbox(sandbox)}`);
      }
      for (const { sandbox, error } of result.failed) {
        printLine(`FAILED  ${describeSandbox(sandbox)}: ${error.message}`);
      }
    }
    return result.failed.length === 0 ? 0 : 1;
  });
}
