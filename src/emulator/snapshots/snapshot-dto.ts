import type { SnapshotDto } from "@daytona/api-client";
import { defaultTarget } from "../api/create-rules.ts";
import { buildInfoDto, type WireBuildInfo } from "../wire/sandbox-dto.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";

/** The generated type has `Date`s; JSON has text. */
type WireSnapshot = Omit<SnapshotDto, "createdAt" | "updatedAt" | "lastUsedAt" | "buildInfo"> & {
  buildInfo?: WireBuildInfo;
  createdAt: string;
  updatedAt: string;
  lastUsedAt: string | null;
};

export function snapshotDto(record: SnapshotRecord): WireSnapshot {
  const { organizationId, imageName, build } = record;
  return {
    id: record.id,
    ...(organizationId === undefined ? {} : { organizationId }),
    general: record.general,
    name: record.name,
    ...(imageName === undefined ? {} : { imageName }),
    ...(build === undefined ? {} : { buildInfo: buildInfoDto(build) }),
    state: record.state,
    size: record.sizeGiB ?? null,
    entrypoint: record.entrypoint ? [...record.entrypoint] : null,
    cpu: record.cpu,
    gpu: 0,
    mem: record.memoryGiB,
    disk: record.diskGiB,
    errorReason: record.errorReason ?? null,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
    lastUsedAt: record.lastUsedAt ?? null,
    sourceSandboxId: record.sourceSandboxId ?? null,
    regionIds: [defaultTarget],
    sandboxClass: "container",
  };
}
