import { createHash } from "node:crypto";

export async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** What a stream holds, for streams too long to keep. */
export async function hashOf(
  stream: ReadableStream<Uint8Array>,
): Promise<{ readonly hash: string; readonly sizeBytes: number }> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { hash: hash.digest("hex"), sizeBytes };
}
