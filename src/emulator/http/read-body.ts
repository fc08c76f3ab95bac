import type { IncomingMessage } from "node:http";

/** The whole request body. Bodies that may be large (uploads) are streamed by their routes instead. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The body as JSON; undefined when it is empty. Throws a SyntaxError when it is not JSON. */
export function parseJsonBody(body: Buffer): unknown {
  const text = body.toString("utf8");
  return text.trim() === "" ? undefined : (JSON.parse(text) as unknown);
}
