import type { IncomingMessage, ServerResponse } from "node:http";
import { sendText } from "../http/send.ts";
import { cookieOf } from "./proxy-credentials.ts";

const acceptPath = "/accept-daytona-preview-warning";
const acceptCookie = "daytona-preview-page-accepted";
const acceptLifetimeSeconds = 86_400;

/**
 * Shows browsers a page of warning instead of the app, with status 200, until it was accepted. Requests that send
 * `X-Daytona-Skip-Preview-Warning: true` never see it.
 *
 * @returns whether the request was answered.
 */
export function answeredByWarning(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): boolean {
  if (request.method === "POST" && url.pathname === acceptPath) {
    const target = url.searchParams.get("redirect") ?? "/";
    response.writeHead(302, {
      location: /^\/(?![/\\])/.test(target) ? target : "/",
      "set-cookie": `${acceptCookie}=true; Path=/; Max-Age=${acceptLifetimeSeconds}; HttpOnly; SameSite=Lax`,
    });
    response.end();
    return true;
  }
  if (!isBrowser(request) || isSkipped(request)) return false;
  const redirect = encodeURIComponent(`${url.pathname}${url.search}`);
  sendText(response, 200, warningPage(redirect), "text/html; charset=utf-8");
  return true;
}

function isSkipped(request: IncomingMessage): boolean {
  return (
    request.headers["x-daytona-skip-preview-warning"] === "true" ||
    request.headers.upgrade?.toLowerCase() === "websocket" ||
    cookieOf(request, acceptCookie) === "true"
  );
}

function isBrowser(request: IncomingMessage): boolean {
  return /^Mozilla\/5\.0 .*(?:Chrome|Safari|Firefox|Edg|OPR)\//.test(
    request.headers["user-agent"] ?? "",
  );
}

function warningPage(redirect: string): string {
  return `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Daytona Preview - Warning</title></head>
  <body>
    <h1>Preview URL Warning</h1>
    <p>You are about to visit a preview that somebody runs in a sandbox.</p>
    <form method="post" action="${acceptPath}?redirect=${redirect}"><button>I Understand, Continue</button></form>
  </body>
</html>
`;
}
