import type { SettledRecord } from "../commands/sandbox-records.ts";
import type { ProcessObserver } from "./process-observer.ts";

/** Ends all processes of a command and proves it; false when it had ended. */
export async function endProcess(observer: ProcessObserver, signal: AbortSignal): Promise<boolean> {
  let settled: SettledRecord;
  try {
    settled = await observer.end(signal);
  } catch (error) {
    if (signal.aborted) throw error;
    throw observer.translate(error);
  }
  const { report, left, acted } = settled;
  if (report.state === "none") throw observer.failures.unknown("record-missing");
  if (report.state === "running" || report.state === "starting" || left > 0) {
    throw observer.failures.unknown("kill-unconfirmed");
  }
  return acted;
}
