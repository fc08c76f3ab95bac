import type { Reporter, TestModule } from "vitest/node";
import { type Outcome, tableOf } from "./conformance-table.ts";
import { isLongRun } from "./long-run.ts";

/** Between the name of a case and why it is skipped. */
export const skippedBecause = " (skipped: ";

/**
 * Prints at the end of a long run, which has every case, the outcomes of the conformance suite side by side: a column for each backend,
 * and every case whose outcomes differ, with the reason.
 */
export default class PrintConformance implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    if (!isLongRun) return;
    const outcomes = modules.flatMap(outcomesOf);
    if (outcomes.length > 0) process.stdout.write(`\n${tableOf(outcomes)}\n`);
  }
}

function outcomesOf(module: TestModule): Outcome[] {
  const outcomes: Outcome[] = [];
  for (const test of module.children.allTests()) {
    const found = parseName(test.name);
    const result = test.result();
    if (found === undefined || result.state === "pending") continue;
    const note = result.state === "skipped" ? result.note : undefined;
    outcomes.push({ ...found, state: result.state, reason: found.reason ?? note });
  }
  return outcomes;
}

/** Undefined for a test that is no case of the suite. */
function parseName(full: string): Omit<Outcome, "state"> | undefined {
  const [name = "", reason] = full.split(skippedBecause);
  const [backend, area, ...rest] = name.split(": ");
  if (backend === undefined || area === undefined || rest.length === 0) return undefined;
  if (!/^[a-z]+ \(.+\)$/.test(backend)) return undefined;
  return { backend, area, name: rest.join(": "), reason: reason?.slice(0, -1) };
}
