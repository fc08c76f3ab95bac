import type {
  PreviewAnswer,
  PreviewRules,
  PreviewVerdict,
} from "../../core/preview/preview-rules.ts";

/** The answers of Daytona's proxy and runner themselves (protocol of v0.190; the cloud as users reported it). */
export const daytonaPreviewRules: PreviewRules = { isDirect: false, judge: judgeDaytonaAnswer };

function judgeDaytonaAnswer({
  status,
  contentType,
  text,
}: PreviewAnswer): PreviewVerdict | undefined {
  // A bare one, after a few attempts to connect.
  if (status === 502 && contentType === undefined && text === "") return "silent";
  if (status === 400 && contentType?.startsWith("text/html") === true) return "refused";
  const message = proxyMessage(status, text);
  if (message === undefined) return undefined;
  if (status === 401) return "refused";
  if (/is the sandbox started|failed to get runner info|container not found/i.test(message)) {
    return "unreachable";
  }
  if (status === 400 && /404 not found/i.test(message)) return "stumbled";
  return undefined;
}

/** The message of an error body in the form of proxy, runner and daemon; undefined for any other body. */
function proxyMessage(status: number, text: string): string | undefined {
  try {
    const body = JSON.parse(text) as { statusCode?: unknown; message?: unknown };
    return body.statusCode === status && typeof body.message === "string"
      ? body.message
      : undefined;
  } catch {
    return undefined;
  }
}
