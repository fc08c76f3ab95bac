import { afterAll } from "vitest";

/** Counts what became of commands under faults, and prints it when the file has run: fault, outcome, how often. */
export class FaultOutcomes {
  readonly #rows = new Map<string, number>();

  private constructor() {}

  static ofFile(title: string): FaultOutcomes {
    const outcomes = new FaultOutcomes();
    afterAll(() => {
      if (outcomes.#rows.size > 0) process.stdout.write(outcomes.#table(title));
    });
    return outcomes;
  }

  add(fault: string, outcome: string, times = 1): void {
    const row = `${fault}\t${outcome}`;
    this.#rows.set(row, (this.#rows.get(row) ?? 0) + times);
  }

  #table(title: string): string {
    const rows = [...this.#rows].map(([row, times]) => [...row.split("\t"), String(times)]);
    const widths = [0, 1].map((column) =>
      Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
    );
    const lines = rows.map(([fault = "", outcome = "", times = ""]) =>
      [fault.padEnd(widths[0] ?? 0), outcome.padEnd(widths[1] ?? 0), times.padStart(4)].join("  "),
    );
    return [`\n${title}`, ...lines, ""].join("\n");
  }
}
