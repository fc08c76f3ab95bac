export interface Outcome {
  readonly name: string;
  readonly outcome: string;
}

/** The list that shows what was tried: one line an attempt. */
export function printOutcomes(title: string, outcomes: readonly Outcome[]): void {
  const width = Math.max(...outcomes.map(({ name }) => name.length));
  const lines = outcomes.map(({ name, outcome }) => `  ${name.padEnd(width)}  ${outcome}`);
  process.stdout.write(`\n${title}\n${lines.join("\n")}\n`);
}
