import type { FailureAnswer } from "../protocol.ts";

const timeoutMs = 30_000;

/** An answer that is no success. */
export class RefusedError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Asks the server's API; the address is relative to the page's, which holds the token. */
export async function askServer<Answer>(path: string): Promise<Answer> {
  const response = await fetch(path, { signal: AbortSignal.timeout(timeoutMs) });
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  if (response.ok && isJson) return (await response.json()) as Answer;
  const message = isJson
    ? ((await response.json()) as FailureAnswer).message
    : (await response.text()).trim();
  throw new RefusedError(response.status, message);
}
