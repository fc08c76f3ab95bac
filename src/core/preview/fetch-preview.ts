import { AbortError, TimeoutError } from "../../contract/lifecycle-errors.ts";
import type { PreviewFetchOptions } from "../../contract/preview.ts";
import { ConnectionError, PreviewError } from "../../contract/provider-errors.ts";
import { badArgument } from "../check-arguments.ts";
import { mayBeOfProxy, type PreviewVerdict } from "./preview-rules.ts";
import type { PreviewTarget } from "./preview-target.ts";
import { readBeginning } from "./read-beginning.ts";

const defaultTimeoutMs = 60_000;
const mostRedirects = 10;
const repeatable: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

interface Judged {
  readonly verdict: PreviewVerdict | undefined;
  readonly words: string;
}

/** `fetch` over a preview address, see `PreviewUrl.fetch`. */
export async function fetchPreview(
  target: PreviewTarget,
  path: string,
  { timeoutMs = defaultTimeoutMs, ...init }: PreviewFetchOptions = {},
): Promise<Response> {
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1) {
    throw badArgument("timeoutMs", "milliseconds, a whole number from 1");
  }
  target.resolve(path);
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), timeoutMs);
  const signal = init.signal ? AbortSignal.any([init.signal, timeout.signal]) : timeout.signal;
  try {
    signal.throwIfAborted();
    return await new PreviewRequest(target, path, init, signal).send();
  } catch (error) {
    if (init.signal?.aborted === true) {
      throw new AbortError("fetch was aborted by its signal.", { cause: init.signal.reason });
    }
    if (!timeout.signal.aborted) throw error;
    throw new TimeoutError(`fetch had no answer after ${timeoutMs} ms.`, {
      timeoutMs,
      retryable: true,
    });
  } finally {
    clearTimeout(timer);
  }
}

class PreviewRequest {
  readonly #target: PreviewTarget;
  readonly #path: string;
  readonly #init: RequestInit;
  readonly #signal: AbortSignal;
  readonly #method: string;
  readonly #mayRepeat: boolean;
  #isRenewed = false;
  #isRepeated = false;

  constructor(target: PreviewTarget, path: string, init: RequestInit, signal: AbortSignal) {
    this.#target = target;
    this.#path = path;
    this.#init = init;
    this.#signal = signal;
    this.#method = (init.method ?? "GET").toUpperCase();
    this.#mayRepeat = repeatable.has(this.#method) && !isStream(init.body);
  }

  async send(): Promise<Response> {
    if (this.#target.endsSoon) await this.#renew();
    for (;;) {
      const response = await this.#follow();
      if (isElsewhere(response, this.#target.address.url)) {
        const answer = await this.#onForeignRedirect(response);
        if (answer !== undefined) return answer;
        continue;
      }
      const { verdict, words } = await this.#judge(response);
      if (verdict === undefined) return this.#checkKind(response);
      await response.body?.cancel();
      if (verdict === "silent") throw this.#target.silent();
      const mayPass = await this.#tryToRepair(verdict);
      if (!mayPass) throw await this.#failure(verdict, words);
    }
  }

  /** Follows redirects on the same host, as `fetch` itself does it; what leads elsewhere is returned. */
  async #follow(): Promise<Response> {
    const { url: base } = this.#target.address;
    let url = this.#target.resolve(this.#path);
    let init: RequestInit = this.#init;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#request(url, init);
      const next = redirectOf(response, url);
      if (next === undefined || isElsewhere(response, base) || init.redirect === "manual") {
        return response;
      }
      await response.body?.cancel();
      if (init.redirect === "error" || redirects >= mostRedirects) {
        throw new PreviewError(
          init.redirect === "error"
            ? `The app redirects ${url.pathname}, and \`redirect\` is "error".`
            : `The app redirects more than ${mostRedirects} times.`,
        );
      }
      init = afterRedirect(response.status, init);
      // The proxy may speak TLS for an app that does not know of it.
      next.protocol = url.protocol;
      url = next;
    }
  }

  async #request(url: URL, init: RequestInit): Promise<Response> {
    try {
      const all = new Headers(this.#target.address.headers);
      for (const [name, value] of new Headers(init.headers)) all.set(name, value);
      return await fetch(url, { ...init, headers: all, redirect: "manual", signal: this.#signal });
    } catch (error) {
      if (this.#signal.aborted) throw error;
      const { cause } = error as { cause?: { code?: unknown; message?: unknown } };
      const { isDirect } = this.#target.parts.transport.previewRules;
      if (isDirect && cause?.code === "ECONNREFUSED") throw this.#target.silent();
      // What it had no cause for is a mistake in its arguments.
      if (cause === undefined) throw badArgument("options", `what fetch takes (${String(error)})`);
      throw new ConnectionError(`The preview address could not be reached: ${words(cause)}`, {
        cause: error,
        retryable: true,
      });
    }
  }

  async #judge(response: Response): Promise<Judged> {
    const { status } = response;
    if (!mayBeOfProxy(status)) return { verdict: undefined, words: "" };
    const text = await readBeginning(response.clone());
    const contentType = response.headers.get("content-type") ?? undefined;
    const { previewRules } = this.#target.parts.transport;
    return { verdict: previewRules.judge({ status, contentType, text }), words: text };
  }

  /** The login page of the provider, or the app's own: which it is shows a renewed address. */
  async #onForeignRedirect(response: Response): Promise<Response | undefined> {
    await response.body?.cancel();
    if (await this.#tryToRepair("refused")) return undefined;
    if (this.#init.redirect === "manual" && this.#isRenewed) return response;
    const host = new URL(response.headers.get("location") ?? "", this.#target.address.url).host;
    throw new PreviewError(
      `The answer redirects to another host, ${host}, which is not followed: a login page of the provider, or the app's own redirect.`,
      { retryable: !this.#mayRepeat },
    );
  }

  /** Whether the request is to be sent again. One that must not be sent twice finds a fresh address at its caller's next try. */
  async #tryToRepair(verdict: PreviewVerdict): Promise<boolean> {
    if (verdict === "stumbled") {
      const isFirst = !this.#isRepeated;
      this.#isRepeated = true;
      return isFirst && this.#mayRepeat;
    }
    if (verdict !== "refused" || this.#isRenewed) return false;
    await this.#renew();
    return this.#mayRepeat;
  }

  async #renew(): Promise<void> {
    this.#isRenewed = true;
    await this.#target.renew({ signal: this.#signal });
  }

  async #failure(verdict: PreviewVerdict, text: string): Promise<Error> {
    if (verdict === "unreachable") {
      return this.#target.unreachable(text, { signal: this.#signal });
    }
    return new PreviewError(
      verdict === "refused"
        ? "The preview proxy does not accept the address, not even a renewed one."
        : `The preview proxy failed: ${text.slice(0, 300)}`,
      { retryable: true },
    );
  }

  async #checkKind(response: Response): Promise<Response> {
    const accept = new Headers(this.#init.headers).get("accept") ?? "";
    const wantsJson = /\bjson\b/i.test(accept) && !/html|\*\/\*/i.test(accept);
    const isPage = response.headers.get("content-type")?.startsWith("text/html") === true;
    if (!wantsJson || !isPage || !response.ok) return response;
    await response.body?.cancel();
    throw new PreviewError(
      "A web page came where JSON was due: of the provider, such as its warning, or of the app itself.",
    );
  }
}

function redirectOf(response: Response, url: URL): URL | undefined {
  const location = response.headers.get("location");
  const isRedirect = [301, 302, 303, 307, 308].includes(response.status);
  return isRedirect && location !== null && URL.canParse(location, url.href)
    ? new URL(location, url)
    : undefined;
}

function isElsewhere(response: Response, base: string): boolean {
  const url = new URL(base);
  const next = redirectOf(response, url);
  return next !== undefined && (next.host !== url.host || !/^https?:$/.test(next.protocol));
}

/** The method after a redirect, as the standard of `fetch` has it. */
function afterRedirect(status: number, init: RequestInit): RequestInit {
  const method = (init.method ?? "GET").toUpperCase();
  const becomesGet =
    (status === 303 && method !== "GET" && method !== "HEAD") ||
    ((status === 301 || status === 302) && method === "POST");
  if (becomesGet) {
    const { body: _, ...rest } = init;
    return { ...rest, method: "GET" };
  }
  if (isStream(init.body)) {
    throw new PreviewError(
      "The app redirects a request whose body is a stream, and cannot be sent again.",
    );
  }
  return init;
}

function isStream(body: unknown): boolean {
  return (
    typeof body === "object" &&
    body !== null &&
    (body instanceof ReadableStream || Symbol.asyncIterator in body)
  );
}

function words({ code, message }: { code?: unknown; message?: unknown }): string {
  return String(code ?? message ?? "no reason was given");
}
