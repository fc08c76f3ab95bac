import type { IncomingMessage, ServerResponse } from "node:http";
import type { EmulatorServices } from "../emulator-services.ts";
import { sandboxNotFound } from "../http/api-error.ts";
import { DaemonError } from "../http/daemon-error.ts";

/** The build log of a sandbox: a line at once, the rest when the image is there; the stream ends with the build. */
export async function sendBuildLog(
  { store, keys, closing }: EmulatorServices,
  sandboxId: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const key = keys.ofRequest(request);
  if (!key) {
    throw new DaemonError({
      status: 401,
      code: "UNAUTHORIZED",
      message: "unauthorized: missing Bearer token",
      source: "DAYTONA_PROXY",
    });
  }
  const entry = store.find(sandboxId, key.organizationId);
  const build = entry?.record.build;
  if (!entry || !build) throw sandboxNotFound(sandboxId);
  response.writeHead(200, { "content-type": "application/octet-stream" });
  for (const [index, line] of build.dockerfileContent.trim().split("\n").entries())
    response.write(`Step ${index + 1}: ${line}\n`);
  const isGone = new AbortController();
  response.once("close", () => isGone.abort());
  await entry.waitFor(
    ({ state }) => state !== "pending_build" && state !== "building_snapshot",
    AbortSignal.any([closing, isGone.signal]),
  );
  response.end(`Successfully built ${build.snapshotRef}\n`);
}
