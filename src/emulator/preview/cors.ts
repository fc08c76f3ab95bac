import type { IncomingMessage } from "node:http";

/** CORS headers of the preview proxy: every origin, with credentials. None for requests without an `Origin`. */
export function corsHeaders(request: IncomingMessage): Record<string, string> {
  const { origin, host } = request.headers;
  const sameOrigin = origin === `http://${host}`;
  if (!origin || sameOrigin || request.headers["x-daytona-disable-cors"] === "true") return {};
  return {
    "access-control-allow-origin": origin,
    "access-control-allow-credentials": "true",
    vary: "Origin",
  };
}

/** Headers of the answer to a preflight; undefined when the request is none. */
export function preflightHeaders(request: IncomingMessage): Record<string, string> | undefined {
  const shared = corsHeaders(request);
  if (request.method !== "OPTIONS" || Object.keys(shared).length === 0) return undefined;
  const asked = request.headers["access-control-request-headers"];
  return {
    ...shared,
    "access-control-allow-methods": "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS",
    ...(typeof asked === "string" ? { "access-control-allow-headers": asked } : {}),
    "access-control-max-age": "43200",
  };
}
