import * as z from "zod/mini";
import { invalidBody, parseDaemonBody } from "../parse-daemon-body.ts";
import { badRequest, type ToolboxCall } from "../toolbox-call.ts";
import type { GitLogin } from "./run-git.ts";

/** A text that the daemon demands. */
export const required = z.string().check(z.minLength(1));
export const text = z.nullish(z.string());
export const flag = z.nullish(z.boolean());

/** @throws DaemonError 400 that names what is missing. */
export async function gitBody<Schema extends z.ZodMiniType>(
  call: ToolboxCall,
  schema: Schema,
  structure: string,
): Promise<z.infer<Schema>> {
  const parsed = await parseDaemonBody(call, schema, structure);
  if (!parsed.success) throw invalidBody(`invalid request body: ${parsed.complaint}`);
  return parsed.data;
}

/** @throws DaemonError 400 */
export function queryPath({ query }: ToolboxCall): string {
  const path = query.get("path");
  if (!path) throw badRequest("path is required");
  return path;
}

/** Without both, nothing is sent. */
export function loginOf(body: {
  readonly username?: string | null | undefined;
  readonly password?: string | null | undefined;
}): GitLogin | undefined {
  const { username, password } = body;
  if (username == null || password == null) return undefined;
  return { username, password };
}
