import type { IncomingMessage } from "node:http";
import type * as z from "zod/mini";
import { ApiError } from "../http/api-error.ts";
import { parseJsonBody, readBody } from "../http/read-body.ts";

/** The JSON body of an API request; 400 with all complaints in one message when it does not fit. */
export async function parseApiBody<Schema extends z.ZodMiniType>(
  request: IncomingMessage,
  schema: Schema,
): Promise<z.infer<Schema>> {
  return checkApiBody(parseApiJson(await readBody(request)), schema);
}

export function parseApiJson(body: Buffer): unknown {
  try {
    return parseJsonBody(body);
  } catch (error) {
    if (error instanceof SyntaxError) throw new ApiError(400, error.message);
    throw error;
  }
}

export function checkApiBody<Schema extends z.ZodMiniType>(
  body: unknown,
  schema: Schema,
): z.infer<Schema> {
  const result = schema.safeParse(body ?? {});
  if (result.success) return result.data;
  const complaints = result.error.issues.map(
    ({ path, message }) => `${path.join(".") || "body"}: ${message}`,
  );
  throw new ApiError(400, complaints.join(", "));
}
