/**
 * Go's `filepath.Match` as a regular expression: `*`, `?`, `[a-z]`, `[^a]` and `\` escapes; no `/` is matched by them.
 * Undefined for a malformed pattern, which matches nothing.
 */
export function goGlob(pattern: string): RegExp | undefined {
  let source = "";
  for (let index = 0; index < pattern.length; index += 1) {
    const character = pattern[index] ?? "";
    if (character === "*") source += "[^/]*";
    else if (character === "?") source += "[^/]";
    else if (character === "\\") {
      index += 1;
      const escaped = pattern[index];
      if (escaped === undefined) return undefined;
      source += escapeLiteral(escaped);
    } else if (character === "[") {
      const end = pattern.indexOf("]", index + 2);
      if (end === -1) return undefined;
      source += pattern.slice(index, end + 1);
      index = end;
    } else source += escapeLiteral(character);
  }
  try {
    return new RegExp(`^${source}$`, "s");
  } catch {
    return undefined;
  }
}

function escapeLiteral(character: string): string {
  return character.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
