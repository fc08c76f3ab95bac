import { parseOptions } from "./parse-options.ts";
import {
  complain,
  printLine,
  providerOptions,
  providerUsage,
  withProvider,
} from "./provider-options.ts";

const usage = `Usage: sandbox-backend doctor [options]

Looks for what is wrong with a provider, step by step. Exit code 1 when a check failed.

Options:
  --probe               Also make a sandbox, use it, and delete it.
${providerUsage}`;

const marks = { ok: "ok     ", failed: "FAILED ", skipped: "skipped" } as const;

/** `sandbox-backend doctor`. */
export async function runDoctorCommand(args: readonly string[]): Promise<number> {
  const parsed = parseOptions(args, { ...providerOptions, probe: { type: "boolean" } });
  if ("mistake" in parsed) return complain(parsed.mistake, usage);
  const { help, type, json, probe } = parsed.values;
  if (help === true) {
    printLine(usage.trimEnd());
    return 0;
  }
  return withProvider(type, usage, async (provider) => {
    const report = await provider.doctor({ probeSandbox: probe === true });
    if (json === true) {
      printLine(JSON.stringify(report, undefined, 2));
    } else {
      for (const { name, status, message, advice } of report.checks) {
        printLine(`${marks[status]}  ${name}: ${message}`);
        if (advice !== undefined) printLine(`           ${advice}`);
      }
    }
    return report.ok ? 0 : 1;
  });
}
