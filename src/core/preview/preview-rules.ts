/** An answer that came over a preview address, of the app or of the provider's proxy before it. */
export interface PreviewAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  /** The beginning of its body. */
  readonly text: string;
}

/**
 * What a proxy's own answer means: the credential is not accepted; nothing listens on the port; the sandbox is not reached; or the
 * proxy stumbled over a connection of its own, so that the same request may succeed at once.
 */
export type PreviewVerdict = "refused" | "silent" | "unreachable" | "stumbled";

/** How a provider's previews are to be read. */
export interface PreviewRules {
  /** True where no proxy stands between, so that a refused connection is the port's own. */
  readonly isDirect: boolean;
  /** Undefined for an answer that is the app's own, as far as can be told. */
  judge(answer: PreviewAnswer): PreviewVerdict | undefined;
}

/** Statuses under which proxies tell of trouble; the bodies of all others are left alone. */
export function mayBeOfProxy(status: number): boolean {
  return [400, 401, 403, 404, 502, 503, 504].includes(status);
}
