import type { BranchReport } from "./branch-run.ts";

const columns: readonly {
  readonly title: string;
  readonly of: (report: BranchReport) => string;
}[] = [
  { title: "Branch", of: ({ branchName }) => branchName },
  { title: "Sandbox", of: ({ sandboxId }) => sandboxId?.slice(0, 13) ?? "–" },
  { title: "Agent", of: ({ agentUrl }) => (agentUrl === undefined ? "–" : new URL(agentUrl).host) },
  { title: "Terminal", of: ({ terminalId }) => terminalId?.slice(0, 12) ?? "–" },
  { title: "Changed", of: ({ filesChanged }) => filesChanged?.toString() ?? "–" },
  { title: "Gates", of: gatesOf },
  { title: "Time", of: ({ durationMs }) => `${(durationMs / 1000).toFixed(1)} s` },
  { title: "Torn down", of: ({ isTornDown }) => (isTornDown ? "yes" : "NO") },
];

function gatesOf({ gates, failure }: BranchReport): string {
  if (failure !== undefined) return `not run: ${failure.slice(0, 40)}`;
  const failed = gates.filter(({ exitCode }) => exitCode !== 0);
  if (failed.length === 0) return `${gates.length} of ${gates.length} passed`;
  return `FAILED: ${failed.map(({ command, exitCode }) => `${command} (${exitCode})`).join(", ")}`;
}

/** The branches side by side, as lines of text. */
export function reportTable(reports: readonly BranchReport[]): string {
  const rows = [
    columns.map(({ title }) => title),
    ...reports.map((report) => columns.map((column) => column.of(report))),
  ];
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => "─".repeat(width)).join("  "));
  return lines.map((line) => `  ${line}`).join("\n");
}
