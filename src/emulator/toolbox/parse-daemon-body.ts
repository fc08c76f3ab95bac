import type * as z from "zod/mini";
import { DaemonError } from "../http/daemon-error.ts";
import { parseJsonBody, readBody } from "../http/read-body.ts";
import type { ToolboxCall } from "./toolbox-call.ts";

export type ParsedBody<Data> =
  | { readonly success: true; readonly data: Data }
  | { readonly success: false; readonly complaint: string };

/**
 * The JSON body, or what is wrong with it.
 *
 * @param structure - The daemon's name for the body, which its complaints carry.
 */
export async function parseDaemonBody<Schema extends z.ZodMiniType>(
  call: ToolboxCall,
  schema: Schema,
  structure: string,
): Promise<ParsedBody<z.infer<Schema>>> {
  let json: unknown;
  try {
    json = parseJsonBody(await readBody(call.request));
  } catch (error) {
    if (error instanceof SyntaxError) return { success: false, complaint: error.message };
    throw error;
  }
  const result = schema.safeParse(json);
  if (result.success) return { success: true, data: result.data };
  const [issue] = result.error.issues;
  const field = issue?.path.join(".") ?? "";
  const value = fieldOf(json, field);
  const isMissing = value === undefined || value === "";
  const complaint = json === undefined ? "EOF" : isMissing ? missing(structure, field) : undefined;
  return { success: false, complaint: complaint ?? `${field}: ${issue?.message}` };
}

function fieldOf(json: unknown, field: string): unknown {
  return typeof json === "object" && json !== null ? Reflect.get(json, field) : json;
}

function missing(structure: string, field: string): string {
  const name = field === "url" ? "URL" : `${field.charAt(0).toUpperCase()}${field.slice(1)}`;
  return `Key: '${structure}.${name}' Error:Field validation for '${name}' failed on the 'required' tag`;
}

export function invalidBody(complaint: string): DaemonError {
  const message = `invalid body request: ${complaint}`;
  return new DaemonError({ status: 400, code: "INVALID_REQUEST_BODY", message });
}
