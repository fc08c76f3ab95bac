import type { IncomingMessage } from "node:http";

const protocolPrefix = "X-Daytona-SDK-Version~";

type Version = readonly [number, number, number];

/** How a client gets the output of a session's command, by the version of its SDK (Daytona v0.190 daemon). */
export interface OutputForm {
  /** Both outputs as one text without markers. */
  readonly combined: boolean;
  /** Standard output and standard error as texts of their own, beside the one with markers. */
  readonly separated: boolean;
}

export function outputForm(request: IncomingMessage): OutputForm {
  const text = sdkVersion(request);
  if (text === "") {
    const combined = request.headers["x-daytona-split-output"] !== "true";
    return { combined, separated: false };
  }
  const isDevelopment = text.includes("dev");
  const version = parsed(text);
  const combined = !isDevelopment && version !== undefined && isBefore(version, [0, 27, 0]);
  const separated = isDevelopment || (version !== undefined && !isBefore(version, [0, 167, 0]));
  return { combined, separated: separated && !combined };
}

/** The sub-protocol that carries the version where a client can send no headers. It is the only one that logs select. */
export function sdkVersionProtocol({ headers }: IncomingMessage): string | undefined {
  const offered = headers["sec-websocket-protocol"]?.split(",").map((protocol) => protocol.trim());
  return offered?.find((protocol) => protocol.startsWith(protocolPrefix));
}

function sdkVersion(request: IncomingMessage): string {
  const header = request.headers["x-daytona-sdk-version"];
  if (typeof header === "string" && header !== "") return header;
  return sdkVersionProtocol(request)?.slice(protocolPrefix.length) ?? "";
}

function parsed(text: string): Version | undefined {
  const match = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\D.*)?$/.exec(text);
  return match ? [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)] : undefined;
}

function isBefore(version: Version, limit: Version): boolean {
  const index = version.findIndex((part, position) => part !== limit[position]);
  return index >= 0 && (version[index] as number) < (limit[index] as number);
}
