import { randomBytes, randomUUID } from "node:crypto";
import type { SandboxVolume } from "@daytona/api-client";
import { entrypointOf } from "../build/entrypoint-of.ts";
import { buildRecord } from "../build/images.ts";
import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import { sendJson } from "../http/send.ts";
import type { SnapshotEntry } from "../snapshots/snapshot-entry.ts";
import { snapshotForCreate } from "../snapshots/snapshot-rules.ts";
import { newPreviewToken } from "../state/lifecycle.ts";
import { SandboxEntry } from "../state/sandbox-entry.ts";
import type { SandboxRecord } from "../state/sandbox-record.ts";
import { type CreateSandboxBody, createSandboxSchema } from "../wire/create-sandbox-schema.ts";
import { checkApiBody, parseApiJson } from "../wire/parse-body.ts";
import { type ApiCall, type ApiRoutes, dtoOf } from "./api-call.ts";
import {
  checkCreateRules,
  defaultSnapshot,
  defaultTarget,
  longestAutoArchiveMinutes,
} from "./create-rules.ts";
import { checkQuotas } from "./quota-rules.ts";
import { secretPlaceholders } from "./secret-routes.ts";
import { readyVolume } from "./volume-routes.ts";
import { waitUntilStarted } from "./wait-until-started.ts";

export function addCreateRoute(routes: ApiRoutes, services: EmulatorServices): void {
  routes.add("POST", "/sandbox", {
    permission: "write:sandboxes",
    handle: (call) => createSandbox(services, call),
  });
}

async function createSandbox(services: EmulatorServices, call: ApiCall): Promise<void> {
  const body = checkApiBody(parseApiJson(call.body ?? Buffer.alloc(0)), createSandboxSchema);
  checkCreateRules(body, services.profile);
  const { organizationId } = call.key;
  const snapshot = body.buildInfo
    ? undefined
    : snapshotForCreate(services, body.snapshot ?? defaultSnapshot, organizationId);
  const volumes = resolveVolumes(services, call, body);
  const record = newRecord(services, organizationId, body, { snapshot, volumes });
  if (services.profile.newerRoutes && body.secrets)
    record.secretPlaceholders = secretPlaceholders(services, organizationId, body.secrets);
  checkQuotas(services, record);
  if (services.store.nameIsTaken(record.name, record.organizationId))
    throw new ApiError(409, `Sandbox with name ${record.name} already exists`);
  const entry = new SandboxEntry(record, undefined);
  services.store.add(entry);
  if (snapshot) snapshot.record.lastUsedAt = services.clock.now().toISOString();
  call.logged.sandboxId = entry.id;
  // As the real server: what is answered is the sandbox as it was before the wait.
  const answer = dtoOf(services, entry);
  services.lifecycle.create(entry);
  if (record.build === undefined) await waitUntilStarted(services, entry, call.response);
  sendJson(call.response, 200, answer);
}

/** Names become ids; what is not there or not ready is refused. */
function resolveVolumes(
  services: EmulatorServices,
  { key }: ApiCall,
  { volumes = [] }: CreateSandboxBody,
): SandboxVolume[] {
  if (volumes.length > 0 && services.options.isolation === "none")
    throw new ApiError(
      501,
      "The emulator does not implement volumes of POST /sandbox without isolation",
    );
  return volumes.map(({ volumeId, mountPath, subpath }) => {
    const { id } = readyVolume(services, key.organizationId, volumeId);
    return { volumeId: id, mountPath, ...(subpath === undefined ? {} : { subpath }) };
  });
}

function newRecord(
  { clock, profile, images }: EmulatorServices,
  organizationId: string,
  body: CreateSandboxBody,
  {
    snapshot,
    volumes,
  }: { readonly snapshot: SnapshotEntry | undefined; readonly volumes: readonly SandboxVolume[] },
): SandboxRecord {
  const now = clock.now();
  const id = randomUUID();
  const { buildInfo, ttlMinutes } = body;
  const newer = profile.newerRoutes;
  const build = buildInfo && buildRecord(buildInfo, now);
  return {
    id,
    organizationId,
    name: body.name || id,
    snapshot: snapshot?.record.name,
    engineSnapshotId: snapshot?.hasFiles ? snapshot.id : undefined,
    build,
    image: snapshot?.record.image,
    entrypoint: build ? entrypointOf(build.dockerfileContent) : snapshot?.record.entrypoint,
    user: body.user ?? "daytona",
    env: body.env ?? {},
    labels: body.labels ?? {},
    public: body.public ?? false,
    networkBlockAll: body.networkBlockAll ?? false,
    networkAllowList: body.networkAllowList,
    domainAllowList: body.domainAllowList,
    outboundProxyUrl: newer ? body.outboundProxyUrl : undefined,
    otelEndpointOverride: newer ? body.otelEndpointOverride : undefined,
    target: body.target ?? defaultTarget,
    cpu: snapshot?.record.cpu ?? (body.cpu || 1),
    gpu: 0,
    memoryGiB: snapshot?.record.memoryGiB ?? (body.memory || 1),
    diskGiB: snapshot?.record.diskGiB ?? (body.disk || 3),
    state: build && !images.isBuilt(build.snapshotRef) ? "pending_build" : "creating",
    desiredState: "started",
    errorReason: undefined,
    recoverable: false,
    backupState: "None",
    backupCreatedAt: undefined,
    autoStopInterval: body.autoStopInterval ?? 15,
    autoArchiveInterval: autoArchiveMinutes(body.autoArchiveInterval ?? 10_080),
    autoDeleteInterval: body.autoDeleteInterval ?? -1,
    autoPauseInterval: newer ? (body.autoPauseInterval ?? 0) : undefined,
    autoDestroyAt:
      newer && ttlMinutes ? new Date(now.getTime() + ttlMinutes * 60_000).toISOString() : undefined,
    volumes,
    createdAt: now.toISOString(),
    updatedAt: now.toISOString(),
    lastActivityAt: now.toISOString(),
    previewToken: newPreviewToken(),
    signingKey: newSigningKey(),
  };
}

/** 0 means the longest interval. */
export function autoArchiveMinutes(minutes: number): number {
  return minutes === 0 ? longestAutoArchiveMinutes : Math.min(minutes, longestAutoArchiveMinutes);
}

export function newSigningKey(): string {
  return randomBytes(32).toString("base64url");
}
