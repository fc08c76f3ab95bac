import { randomUUID } from "node:crypto";
import * as z from "zod/mini";
import type { ApiCall, ApiRoutes } from "../api/api-call.ts";
import { streamBuildLog } from "../api/build-log.ts";
import { defaultTarget } from "../api/create-rules.ts";
import { checkPerSandbox } from "../api/quota-rules.ts";
import { entrypointOf } from "../build/entrypoint-of.ts";
import { buildMetadata } from "../build/image-builder.ts";
import type { BuiltImage } from "../build/image-config.ts";
import { buildRecord } from "../build/images.ts";
import { runAs } from "../build/run-as.ts";
import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import { sendEmpty, sendJson } from "../http/send.ts";
import { TransitionFailure } from "../state/transition-failure.ts";
import { checkApiBody, parseApiJson } from "../wire/parse-body.ts";
import { newSnapshot } from "./new-snapshot.ts";
import { snapshotDto } from "./snapshot-dto.ts";
import type { SnapshotEntry } from "./snapshot-entry.ts";
import { checkNewSnapshot } from "./snapshot-rules.ts";

const resource = z.optional(z.int().check(z.minimum(1)));

const bodySchema = z.object({
  name: z.string(),
  imageName: z.optional(z.string()),
  entrypoint: z.optional(z.array(z.string())),
  buildInfo: z.optional(
    z.object({
      dockerfileContent: z.string(),
      contextHashes: z.optional(z.array(z.string())),
    }),
  ),
  cpu: resource,
  gpu: z.optional(z.int()),
  memory: resource,
  disk: resource,
  regionId: z.optional(z.string()),
  sandboxClass: z.optional(z.string()),
});

type CreateSnapshotBody = z.infer<typeof bodySchema>;

// Daytona v0.190 API: what a build runs that names no entry point.
const keepAlive = ["sleep", "infinity"];

const imageNamePattern = /^[a-zA-Z0-9_.\-:]+(\/[a-zA-Z0-9_.\-:]+)*(@sha256:[a-f0-9]{64})?$/;

/** `POST /snapshots`, from an image or a Dockerfile, and the logs of its build. */
export function addCreateSnapshotRoutes(routes: ApiRoutes, services: EmulatorServices): void {
  routes.add("POST", "/snapshots", {
    permission: "write:snapshots",
    handle: (call) => {
      const body = checkApiBody(parseApiJson(call.body ?? Buffer.alloc(0)), bodySchema);
      const entry = createSnapshot(services, call.key.organizationId, body);
      sendJson(call.response, 200, snapshotDto(entry.record));
    },
  });
  routes.add("GET", "/snapshots/{id}/build-logs-url", {
    handle: (call) => {
      const { id } = builtSnapshot(services, call);
      sendJson(call.response, 200, {
        url: `${services.address().origin}/snapshots/${id}/build-logs`,
      });
    },
  });
  routes.add("GET", "/snapshots/{id}/build-logs", {
    handle: async (call) => {
      const { state, build } = builtSnapshot(services, call);
      // As the real server: of one that is active there is nothing to tell any more.
      if (state === "active") sendEmpty(call.response, 200);
      else {
        const isFollowed = call.query.get("follow") === "true";
        await streamBuildLog(services, build, call.response, isFollowed);
      }
    },
  });
}

function builtSnapshot({ snapshots }: EmulatorServices, call: ApiCall) {
  const { id = "" } = call.params;
  const entry = snapshots.byId(id, call.key.organizationId);
  if (!entry) throw new ApiError(404, `Snapshot with ID or name ${id} not found`);
  const { build, state } = entry.record;
  if (!build) throw new ApiError(404, `Snapshot ${id} has no build info`);
  return { id, build, state };
}

function createSnapshot(
  services: EmulatorServices,
  organizationId: string,
  body: CreateSnapshotBody,
): SnapshotEntry {
  const { buildInfo, imageName } = body;
  checkSource(body);
  if (body.regionId !== undefined && body.regionId !== defaultTarget)
    throw new ApiError(404, "Region not found");
  checkNewSnapshot(services, body.name, organizationId);
  const build = buildInfo && buildRecord(buildInfo, services.clock.now());
  const resources = { cpu: body.cpu ?? 1, memoryGiB: body.memory ?? 1, diskGiB: body.disk ?? 3 };
  checkPerSandbox(services, resources);
  const entry = newSnapshot(services, {
    name: body.name,
    organizationId,
    state: "pending",
    imageName,
    build,
    entrypoint: build
      ? (entrypointOf(build.dockerfileContent) ?? keepAlive)
      : body.entrypoint?.filter((word) => word.trim() !== ""),
    ...resources,
  });
  services.snapshots.add(entry);
  void make(services, entry);
  return entry;
}

async function make(services: EmulatorServices, entry: SnapshotEntry): Promise<void> {
  const { snapshotLifecycle, images } = services;
  const { build, organizationId = "" } = entry.record;
  await snapshotLifecycle.run(entry, async (signal) => {
    await snapshotLifecycle.pass(entry, "pending", signal);
    if (!build) {
      // No image is pulled: its place is taken by this machine's own system.
      await snapshotLifecycle.pass(entry, "pulling", signal);
      await keepFiles(services, entry, undefined, signal);
      return;
    }
    const { image } = images.build(build.snapshotRef, { ...build, organizationId });
    const built = image.catch((error: unknown) => {
      const errorReason = error instanceof Error ? error.message : String(error);
      throw new TransitionFailure({ to: "build_failed", errorReason });
    });
    // It may fail before its outcome is asked for.
    built.catch(() => {});
    await snapshotLifecycle.pass(entry, "building", signal);
    await keepFiles(services, entry, await built, signal);
  });
}

async function keepFiles(
  { engine }: EmulatorServices,
  entry: SnapshotEntry,
  image: BuiltImage | undefined,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const layer = image?.engineSnapshotId;
  const sandbox = await engine.create({
    id: `build-${randomUUID()}`,
    metadata: buildMetadata,
    ...(layer === undefined ? {} : { snapshotId: layer }),
  });
  try {
    if (image) {
      const { config } = image;
      entry.record.image = { config, runAs: await runAs(sandbox, config.user) };
    }
    await engine.createSnapshot(sandbox.id, {
      id: entry.id,
      mode: "stop",
      graceMs: 0,
      temporaryFiles: true,
      metadata: entry.metadata(),
      signal,
    });
    entry.hasFiles = true;
  } finally {
    await sandbox.delete();
  }
}

function checkSource({ buildInfo, imageName, entrypoint }: CreateSnapshotBody): void {
  const refuse = (message: string) => new ApiError(400, message);
  if (buildInfo) {
    if (imageName) throw refuse("Cannot specify an image name when using a build info entry");
    if (entrypoint) throw refuse("Cannot specify an entrypoint when using a build info entry");
    return;
  }
  if (!imageName) throw refuse("Must specify an image name when not using a build info entry");
  if (/@sha256:(?![a-f0-9]{64}$)/.test(imageName))
    throw refuse("Invalid digest format. Must be image@sha256:64_hex_characters");
  if (imageName.includes("@sha256:")) return;
  if (!imageName.includes(":") || /:\s*$/.test(imageName))
    throw refuse("Image name must include a tag (e.g., ubuntu:22.04) or digest (@sha256:...)");
  if (imageName.endsWith(":latest")) throw refuse('Images with tag ":latest" are not allowed');
  if (!imageNamePattern.test(imageName))
    throw refuse(
      "Invalid image name format. Must be lowercase, may contain digits, dots, dashes, and single slashes between components",
    );
}
