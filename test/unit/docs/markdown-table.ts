/** The rows of the first table after a heading, each with its cells as they are written. */
export function tableBelow(markdown: string, heading: string): string[][] {
  const lines = markdown.split("\n");
  const at = lines.indexOf(heading);
  if (at < 0) throw new Error(`There is no heading ${JSON.stringify(heading)}.`);
  const start = lines.findIndex((line, index) => index > at && line.startsWith("|"));
  if (start < 0) throw new Error(`There is no table below ${JSON.stringify(heading)}.`);
  const length = lines.slice(start).findIndex((line) => !line.startsWith("|"));
  const table = length < 0 ? lines.slice(start) : lines.slice(start, start + length);
  // The first two lines are the heading of the table and its rule.
  return table.slice(2).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** A cell without the marks of code. */
export function plainText(cell: string | undefined): string {
  return (cell ?? "").replaceAll("`", "");
}
