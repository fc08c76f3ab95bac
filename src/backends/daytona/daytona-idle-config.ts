import type { IdleConfig } from "../../contract/config.ts";

/** Daytona archives after 30 days at the latest, whatever was asked for; 0 means that too. */
export const longestArchiveMinutes = 43_200;

/** What of the idle times Daytona does not do; undefined when it does them. */
export function checkIdle(
  idle: IdleConfig | undefined,
): { path: string; expected: string } | undefined {
  return (idle?.autoArchiveMinutes ?? 0) > longestArchiveMinutes
    ? {
        path: "idle.autoArchiveMinutes",
        expected: `at most ${longestArchiveMinutes}: Daytona archives no later`,
      }
    : undefined;
}
