import * as z from "zod/mini";
import type { ToolboxCall } from "../toolbox-call.ts";
import { workDirectory } from "../toolbox-call.ts";

const longestSide = 1000;
const protocolPrefix = "X-Daytona-Pty-Envs~";

/** A PTY as a client wants it, with all defaults. */
export interface PtyRequest {
  readonly id: string;
  /** As the client wrote it. */
  readonly cwd: string;
  readonly envs: Readonly<Record<string, string>>;
  readonly cols: number;
  readonly rows: number;
  readonly lazyStart: boolean;
}

const side = z.nullish(z.int().check(z.minimum(0), z.maximum(65_535)));

export const createSchema = z.object({
  id: z.nullish(z.string()),
  cwd: z.nullish(z.string()),
  envs: z.nullish(z.record(z.string(), z.string())),
  cols: side,
  rows: side,
  lazyStart: z.nullish(z.boolean()),
});

export const resizeSchema = z.object({ cols: side, rows: side });

/** The request, or what is wrong with it. Whether the id is free has been asked before (Daytona v0.190 daemon). */
export function ptyRequest(
  call: ToolboxCall,
  { id, cwd, envs, cols, rows, lazyStart }: z.infer<typeof createSchema>,
): PtyRequest | { readonly complaint: string } {
  const size = { cols: cols ?? 80, rows: rows ?? 24 };
  const complaint = sizeComplaint(size, "invalid value for ");
  if (complaint !== undefined) return { complaint };
  return {
    id: id ?? "",
    cwd: cwd || workDirectory(call.engine),
    envs: { ...envs, TERM: envs?.TERM || "xterm-256color" },
    ...size,
    lazyStart: lazyStart ?? false,
  };
}

/** The real daemon takes 0 too, and makes a terminal of no size: a mistake that is better found here. */
export function sizeComplaint(
  size: { readonly cols: number; readonly rows: number },
  prefix = "",
): string | undefined {
  for (const name of ["cols", "rows"] as const) {
    const separator = prefix === "" ? "" : " -";
    if (size[name] > longestSide)
      return `${prefix}${name}${separator} must be less than ${longestSide}`;
    if (size[name] < 1) return `${prefix}${name}${separator} must be at least 1`;
  }
  return undefined;
}

/** The environment that a client sends as a sub-protocol, `undefined` when it has none, or `malformed`. */
export function envsOfProtocols(
  protocols: readonly string[],
): Readonly<Record<string, string>> | undefined | "malformed" {
  const token = protocols.find((protocol) => protocol.startsWith(protocolPrefix));
  if (token === undefined) return undefined;
  const text = token.slice(protocolPrefix.length);
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return "malformed";
  try {
    const json: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    const parsed = z.safeParse(z.record(z.string(), z.string()), json);
    return parsed.success ? parsed.data : "malformed";
  } catch {
    return "malformed";
  }
}
