/** One word for a POSIX shell, whatever characters it holds (NUL excepted, which no shell can carry). */
export function shellQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
