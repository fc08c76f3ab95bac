/**
 * The entry point that the API reads from a Dockerfile's text, with its oddities (Daytona v0.190, snapshot service): the last
 * `ENTRYPOINT` in capitals on one line; in shell form all of it is one word, without quotation marks. Undefined: none, for which
 * the API takes `sleep infinity`.
 */
export function entrypointOf(dockerfileContent: string): readonly string[] | undefined {
  const raw = [...dockerfileContent.matchAll(/ENTRYPOINT\s+(.*)/g)].at(-1)?.[1]?.trim();
  if (raw === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(raw);
    return Array.isArray(parsed) ? parsed.map(String) : undefined;
  } catch {
    return [raw.replace(/["']/g, "")];
  }
}
