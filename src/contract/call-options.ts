/** Options that every call takes. */
export interface CallOptions {
  /** Aborts the call. Already aborted: the call rejects with {@link AbortError} before any request. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the call rejects with {@link TimeoutError}. A positive integer; each method names its default. */
  readonly timeoutMs?: number | undefined;
}
