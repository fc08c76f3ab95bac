/** What became of one case with one backend. */
export interface Outcome {
  readonly backend: string;
  readonly area: string;
  readonly name: string;
  readonly state: "passed" | "failed" | "skipped";
  readonly reason: string | undefined;
}

/** Both tables as text. */
export function tableOf(outcomes: readonly Outcome[]): string {
  const backends = unique(outcomes.map(({ backend }) => backend)).sort((one, other) =>
    other.localeCompare(one),
  );
  const of = (area: string, backend: string) =>
    outcomes.filter((outcome) => outcome.area === area && outcome.backend === backend);
  const areas = unique(outcomes.map(({ area }) => area));
  const counts = areas.map((area) => [
    area,
    ...backends.map((backend) => {
      const all = of(area, backend);
      const passed = all.filter(({ state }) => state === "passed").length;
      return all.length === 0 ? "not run" : `${passed} of ${all.length}`;
    }),
  ]);
  return [
    "Conformance: cases passed",
    formatTable([["area", ...backends], ...counts]),
    "",
    ...differences(outcomes, backends),
  ].join("\n");
}

function differences(outcomes: readonly Outcome[], backends: readonly string[]): string[] {
  const cases = new Map<string, Map<string, Outcome>>();
  for (const outcome of outcomes) {
    const key = `${outcome.area}: ${outcome.name}`;
    const columns = cases.get(key) ?? new Map<string, Outcome>();
    columns.set(outcome.backend, outcome);
    cases.set(key, columns);
  }
  const differing = [...cases].filter(([, columns]) => {
    const states = backends.map((backend) => columns.get(backend)?.state ?? "no case");
    return unique(states).length > 1;
  });
  if (differing.length === 0) return [`All ${cases.size} cases have the same outcome.`];
  const lines = differing.flatMap(([name, columns]) => [
    `  ${name}`,
    ...backends.map((backend) => {
      const outcome = columns.get(backend);
      const reason = outcome?.reason === undefined ? "" : `: ${outcome.reason}`;
      return `      ${backend}: ${outcome?.state ?? "no case"}${reason}`;
    }),
  ]);
  const same = cases.size - differing.length;
  return [`${same} cases have the same outcome with each; these differ:`, ...lines];
}

function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths?.[column] ?? 0)).join("  ")}`)
    .map((line) => line.trimEnd())
    .join("\n");
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
