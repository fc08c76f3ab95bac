import type { ClientRequest, IncomingMessage } from "node:http";
import type { WebSocket } from "ws";
import type { PreviewSocketOptions } from "../../contract/preview.ts";
import { ConnectionError, PreviewError } from "../../contract/provider-errors.ts";
import type { Deadline } from "../deadline.ts";
import type { PreviewVerdict } from "./preview-rules.ts";
import type { PreviewTarget } from "./preview-target.ts";

/** How a handshake ended that opened nothing. */
interface Refusal {
  readonly status: number;
  readonly location: string | undefined;
  readonly contentType: string | undefined;
  readonly text: string;
}

type Outcome = { readonly socket: WebSocket } | { readonly refusal: Refusal };

const mostBytes = 16_384;

/** Opens a WebSocket over a preview address, see `PreviewUrl.connectWebSocket`. */
export async function connectPreview(
  target: PreviewTarget,
  path: string,
  { protocols = [], headers = {} }: Pick<PreviewSocketOptions, "protocols" | "headers">,
  deadline: Deadline,
): Promise<WebSocket> {
  target.resolve(path);
  const { WebSocket: Socket } = await import("ws");
  if (target.endsSoon) await target.renew(deadline);
  let isRenewed = false;
  let isRepeated = false;
  for (;;) {
    const { address } = target;
    const url = target.resolve(path, address.webSocketUrl);
    const socket = new Socket(url, [...protocols], { headers: { ...address.headers, ...headers } });
    const outcome = await settle(socket, target, deadline.signal);
    if ("socket" in outcome) return outcome.socket;
    const { refusal } = outcome;
    const verdict = judge(refusal, target, url);
    if (verdict === "silent") throw target.silent();
    if (verdict === "unreachable") throw await target.unreachable(refusal.text, deadline);
    if (verdict === "refused" && !isRenewed) {
      isRenewed = true;
      await target.renew(deadline);
    } else if (verdict === "stumbled" && !isRepeated) {
      isRepeated = true;
    } else {
      throw refused(refusal, verdict, url);
    }
  }
}

function judge(refusal: Refusal, target: PreviewTarget, url: URL): PreviewVerdict | undefined {
  const { status, location } = refusal;
  if (status >= 300 && status < 400 && location !== undefined && URL.canParse(location, url.href)) {
    // The provider's login page, as a rule. A redirect on the same host is the app's own refusal.
    return new URL(location, url).host === url.host ? undefined : "refused";
  }
  return target.parts.transport.previewRules.judge(refusal);
}

function refused({ status, location }: Refusal, verdict: PreviewVerdict | undefined, url: URL) {
  const host =
    location !== undefined && URL.canParse(location, url.href)
      ? new URL(location, url).host
      : undefined;
  const to = host === undefined ? "" : `, a redirect to ${host}, which is not followed`;
  const who = verdict === undefined ? "The app" : "The preview proxy";
  return new PreviewError(`${who} refused the WebSocket with status ${status}${to}.`, {
    retryable: verdict !== undefined || status >= 500,
  });
}

function settle(socket: WebSocket, target: PreviewTarget, signal: AbortSignal): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const end = (error: unknown): void => {
      signal.removeEventListener("abort", onAbort);
      socket.terminate();
      reject(error as Error);
    };
    const onAbort = (): void => end(signal.reason);
    // Also after it has opened: without a listener an error of the connection would be one of the process. `close` follows it.
    socket.on("error", (error: Error & { code?: string }) => {
      if (signal.aborted) return;
      const isSilent =
        error.code === "ECONNREFUSED" && target.parts.transport.previewRules.isDirect;
      end(
        isSilent
          ? target.silent()
          : new ConnectionError(`The preview address could not be reached: ${error.message}`, {
              cause: error,
              retryable: true,
            }),
      );
    });
    socket.once("open", () => {
      signal.removeEventListener("abort", onAbort);
      resolve({ socket });
    });
    socket.once("unexpected-response", (request: ClientRequest, response: IncomingMessage) => {
      void readRefusal(response).then((refusal) => {
        signal.removeEventListener("abort", onAbort);
        request.destroy();
        resolve({ refusal });
      });
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

async function readRefusal(response: IncomingMessage): Promise<Refusal> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.byteLength;
      if (bytes >= mostBytes) break;
    }
  } catch {
    // The status says enough.
  }
  return {
    status: response.statusCode ?? 0,
    location: response.headers.location,
    contentType: response.headers["content-type"],
    text: Buffer.concat(chunks).toString(),
  };
}
