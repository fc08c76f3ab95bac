import type { ProcessExit } from "../../contract/process.ts";
import type { RecordReport } from "./record-report.ts";

/** Exit codes by which a shell reports the two signals that a kill sends. */
const killSignals: ReadonlyMap<number, string> = new Map([
  [143, "SIGTERM"],
  [137, "SIGKILL"],
]);

/** What a report of a proven end says. */
export function exitOf({ exitCode, killed, leftBackgroundProcesses }: RecordReport): ProcessExit {
  // Only called for an end that has an exit record.
  const code = exitCode as number;
  return {
    exitCode: code,
    signal: killed ? killSignals.get(code) : undefined,
    leftBackgroundProcesses,
  };
}
