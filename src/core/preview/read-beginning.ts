/** What a proxy says of itself is short. */
const mostBytes = 16_384;

/** The beginning of a body as text; the rest is let go. A body that breaks off gives what it had. */
export async function readBeginning(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const reader = response.body?.getReader();
  try {
    while (reader !== undefined && bytes < mostBytes) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      bytes += value.byteLength;
    }
  } catch {
    // The app's own answer is the caller's to read, with its failure.
  }
  // Not awaited: a copy's cancellation waits for the original's.
  void reader?.cancel().catch(() => undefined);
  return Buffer.concat(chunks).toString();
}
