import type {
  BuildInfo,
  Sandbox as SandboxDto,
  SandboxListItem as SandboxListItemDto,
} from "@daytona/api-client";
import type { ServerProfile } from "../server-profile.ts";
import type { SandboxRecord } from "../state/sandbox-record.ts";
import { shownState } from "../state/shown-state.ts";

/** The generated type has `Date`s in the build info; JSON has text. */
export type WireBuildInfo = Omit<BuildInfo, "createdAt" | "updatedAt"> & {
  createdAt: string;
  updatedAt: string;
};
export type WireSandbox = Omit<SandboxDto, "buildInfo"> & { buildInfo?: WireBuildInfo };

export interface DtoSurroundings {
  readonly profile: ServerProfile;
  readonly toolboxProxyUrl: string;
}

/** The whole sandbox: every route that answers with one must send all of it, as clients copy every field. */
export function sandboxDto(record: SandboxRecord, surroundings: DtoSurroundings): WireSandbox {
  const dto: WireSandbox = {
    ...sharedFields(record, surroundings),
    env: { ...record.env },
    state: shownState(record, "single"),
    volumes: [...record.volumes],
    ...present("outboundProxyUrl", record.outboundProxyUrl),
    ...present("otelEndpointOverride", record.otelEndpointOverride),
  };
  if (record.build) dto.buildInfo = buildInfoDto(record.build);
  if (record.backupCreatedAt !== undefined) dto.backupCreatedAt = record.backupCreatedAt;
  return dto;
}

/** A sandbox in a list, which lacks `env`, `volumes`, `buildInfo` and `backupCreatedAt`. */
export function sandboxListItemDto(
  record: SandboxRecord,
  surroundings: DtoSurroundings,
): SandboxListItemDto {
  return { ...sharedFields(record, surroundings), state: shownState(record, "list-item") };
}

function sharedFields(record: SandboxRecord, { profile, toolboxProxyUrl }: DtoSurroundings) {
  return {
    id: record.id,
    organizationId: record.organizationId,
    name: record.name,
    target: record.target,
    ...present("snapshot", record.snapshot),
    user: record.user,
    labels: { ...record.labels },
    public: record.public,
    networkBlockAll: record.networkBlockAll,
    ...present("networkAllowList", record.networkAllowList),
    ...present("domainAllowList", record.domainAllowList),
    cpu: record.cpu,
    gpu: record.gpu,
    memory: record.memoryGiB,
    disk: record.diskGiB,
    desiredState: record.desiredState,
    ...present("errorReason", record.errorReason),
    recoverable: record.recoverable,
    backupState: record.backupState,
    autoStopInterval: record.autoStopInterval,
    ...present("autoPauseInterval", record.autoPauseInterval),
    autoArchiveInterval: record.autoArchiveInterval,
    autoDeleteInterval: record.autoDeleteInterval,
    ...present("autoDestroyAt", record.autoDestroyAt),
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
    lastActivityAt: record.lastActivityAt,
    sandboxClass: "container" as const,
    daemonVersion: profile.version,
    runnerId: "local-runner",
    toolboxProxyUrl,
  };
}

export function buildInfoDto(build: NonNullable<SandboxRecord["build"]>): WireBuildInfo {
  return {
    dockerfileContent: build.dockerfileContent,
    contextHashes: [...build.contextHashes],
    createdAt: build.createdAt,
    updatedAt: build.createdAt,
    snapshotRef: build.snapshotRef,
  };
}

/** JSON of the real server has no field where there is no value. */
function present<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { [Name in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [Name in Key]?: Value });
}
