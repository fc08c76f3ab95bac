/** What a preview host stands for: a port, and a sandbox's id or a signed token. */
export interface PreviewTarget {
  readonly port: number;
  readonly sandboxIdOrToken: string;
}

/** `3000-<id or token>.anything` as a target; undefined for any other host. */
export function previewTargetOfHost(host: string | undefined): PreviewTarget | undefined {
  const match = /^(\d{1,5})-([^.]+)\./.exec(host ?? "");
  if (!match) return undefined;
  return { port: Number(match[1]), sandboxIdOrToken: match[2] ?? "" };
}
