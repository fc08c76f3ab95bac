import type { IncomingMessage, ServerResponse } from "node:http";
import type { BuildLog } from "../build/build-log.ts";
import type { EmulatorServices } from "../emulator-services.ts";
import { sandboxNotFound } from "../http/api-error.ts";
import type { ApiKey } from "../http/api-keys.ts";
import { DaemonError } from "../http/daemon-error.ts";
import type { BuildRecord } from "../state/sandbox-record.ts";
import { untilAborted } from "../state/until-aborted.ts";

/** What has a build log at the proxy. */
export interface BuildLogTarget {
  readonly of: "sandbox" | "snapshot";
  readonly id: string;
}

/**
 * The proxy's address of a build log: what there is, or with `follow=true` what will be, too. As the real server's: the stream
 * of a build that failed does not end by itself on server 0.190.
 */
export async function sendBuildLog(
  services: EmulatorServices,
  target: BuildLogTarget,
  request: IncomingMessage,
  response: ServerResponse,
  isFollowed: boolean,
): Promise<void> {
  const key = services.keys.ofRequest(request);
  if (!key) {
    throw new DaemonError({
      status: 401,
      code: "UNAUTHORIZED",
      message: "unauthorized: missing Bearer token",
      source: "DAYTONA_PROXY",
    });
  }
  const build = buildOf(services, target, key);
  if (!build) throw sandboxNotFound(target.id);
  await streamBuildLog(services, build, response, isFollowed);
}

/** The log of a build, as bytes; 404 before there is one. */
export async function streamBuildLog(
  services: EmulatorServices,
  build: BuildRecord,
  response: ServerResponse,
  isFollowed: boolean,
): Promise<void> {
  const log = services.images.logOf(build.snapshotRef);
  if (!log) {
    throw new DaemonError({
      status: 404,
      code: "NOT_FOUND",
      message: `not found: build logs not found for ref: ${build.snapshotRef}`,
      source: "DAYTONA_PROXY",
    });
  }
  response.writeHead(200, { "content-type": "application/octet-stream" });
  if (!isFollowed) {
    response.end(log.text());
    return;
  }
  // A client must see that the stream has begun, also when the build says nothing for a while.
  response.flushHeaders();
  const isGone = new AbortController();
  response.once("close", () => isGone.abort());
  const signal = AbortSignal.any([services.closing, isGone.signal]);
  await follow(log, response, signal);
  const staysOpen =
    services.profile.failedBuildLogStaysOpen && !services.images.isBuilt(build.snapshotRef);
  if (staysOpen) await untilAborted(signal);
  response.end();
}

async function follow(log: BuildLog, response: ServerResponse, signal: AbortSignal): Promise<void> {
  for await (const bytes of log.follow(signal)) response.write(bytes);
}

function buildOf(
  { store, snapshots }: EmulatorServices,
  { of, id }: BuildLogTarget,
  { organizationId }: ApiKey,
): BuildRecord | undefined {
  const found =
    of === "sandbox" ? store.find(id, organizationId) : snapshots.byId(id, organizationId);
  return found?.record.build;
}
