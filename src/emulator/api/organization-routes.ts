import type {
  AvailableSandboxClass,
  Organization,
  OrganizationUsageOverview,
  Region,
  RegionQuota,
  RegionUsageOverview,
  User,
} from "@daytona/api-client";
import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import { sendJson } from "../http/send.ts";
import { type ApiCall, type ApiRoutes, sandboxOfCall } from "./api-call.ts";
import { defaultTarget } from "./create-rules.ts";
import { perSandboxQuotas, usageOf } from "./quota-rules.ts";
import { defaultVolumeQuota } from "./volume-routes.ts";

const bornAt = "2026-01-01T00:00:00.000Z";

/** The generated types have `Date`s; JSON has text. */
type Wire<Dto> = {
  [Field in keyof Dto]: Extract<Dto[Field], Date> extends never
    ? Dto[Field]
    : Exclude<Dto[Field], Date> | string | null;
};

/** Everybody who has a key is this user, the owner of each organisation. */
export const onlyUser = {
  id: "auth0|emulator",
  name: "Emulator",
  email: "emulator@localhost.localdomain",
  emailVerified: true,
  publicKeys: [],
  createdAt: bornAt,
} satisfies Wire<User>;

const onlyRegion = {
  id: defaultTarget,
  name: defaultTarget,
  organizationId: null,
  regionType: "shared",
  createdAt: bornAt,
  updatedAt: bornAt,
} satisfies Wire<Region>;

/** What can be read of the organisation, its regions and its user. Nothing of it can be changed. */
export function addOrganizationRoutes(routes: ApiRoutes, services: EmulatorServices): void {
  /** A key sees its own organisation alone. */
  const ownId = ({ key, params }: ApiCall): string => {
    const { organizationId = key.organizationId } = params;
    if (organizationId !== key.organizationId) throw new ApiError(403, "Forbidden resource");
    return organizationId;
  };
  const get = (path: string, answer: (call: ApiCall) => unknown) =>
    routes.add("GET", path, {
      handle: (call) => sendJson(call.response, 200, answer(call)),
    });

  get("/organizations", (call) => [organizationDto(services, ownId(call))]);
  get("/organizations/{organizationId}", (call) => organizationDto(services, ownId(call)));
  get("/organizations/{organizationId}/usage", (call) => usageDto(services, ownId(call)));
  get("/organizations/{organizationId}/available-sandbox-classes", (call) => {
    ownId(call);
    const only: AvailableSandboxClass = {
      regionId: defaultTarget,
      sandboxClass: "container",
      gpuAvailable: false,
    };
    return [only];
  });
  get("/regions", () => [onlyRegion]);
  get("/shared-regions", () => [onlyRegion]);
  get("/regions/{id}", ({ params }) => {
    if (params.id !== onlyRegion.id) throw new ApiError(404, "Region not found");
    return onlyRegion;
  });
  get("/users/me", () => onlyUser);
  get("/sandbox/{sandboxId}/organization", (call) =>
    organizationDto(services, sandboxOfCall(services, call).record.organizationId),
  );
  get("/sandbox/{sandboxId}/region-quota", (call) => {
    const { organizationId } = sandboxOfCall(services, call).record;
    const { currentCpuUsage, currentMemoryUsage, currentDiskUsage, currentGpuUsage, ...quota } =
      regionUsage(services, organizationId);
    return { organizationId, maxSandboxLifespan: null, ...quota } satisfies RegionQuota;
  });
}

function organizationDto({ quotas }: EmulatorServices, id: string): Wire<Organization> {
  const { cpu, memoryGiB, diskGiB } = perSandboxQuotas(quotas);
  return {
    id,
    name: "Emulator",
    createdBy: onlyUser.id,
    personal: true,
    createdAt: bornAt,
    updatedAt: bornAt,
    suspended: false,
    suspendedAt: null,
    suspensionReason: "",
    suspendedUntil: null,
    suspensionCleanupGracePeriodHours: 24,
    maxCpuPerSandbox: cpu,
    maxMemoryPerSandbox: memoryGiB,
    maxDiskPerSandbox: diskGiB,
    secretQuota: 100,
    maxSecretsPerSandbox: 20,
    snapshotDeactivationTimeoutMinutes: 20_160,
    sandboxLimitedNetworkEgress: false,
    previewWarningEnabled: true,
    ssoEnabled: false,
    scimEnabled: false,
    defaultRegionId: defaultTarget,
    authenticatedRateLimit: null,
    sandboxCreateRateLimit: null,
    sandboxLifecycleRateLimit: null,
    experimentalConfig: {},
    otelConfig: null,
    authenticatedRateLimitTtlSeconds: null,
    sandboxCreateRateLimitTtlSeconds: null,
    sandboxLifecycleRateLimitTtlSeconds: null,
  };
}

function usageDto(services: EmulatorServices, id: string): OrganizationUsageOverview {
  const { quotas, volumes, snapshots } = services;
  return {
    regionUsage: [regionUsage(services, id)],
    totalSnapshotQuota: quotas.maxSnapshots ?? 30,
    currentSnapshotUsage: snapshots.ownedBy(id).length,
    totalVolumeQuota: quotas.volumes ?? defaultVolumeQuota,
    currentVolumeUsage: volumes.ofOrganization(id).length,
  };
}

/** A limit that the emulator does not have is larger than anything can be. */
const unlimited = 1_000_000;

function regionUsage({ quotas, store }: EmulatorServices, id: string): RegionUsageOverview {
  const { cpu, memoryGiB, diskGiB } = perSandboxQuotas(quotas);
  const used = usageOf(store.ofOrganization(id).map(({ record }) => record));
  return {
    regionId: defaultTarget,
    sandboxClass: "container",
    totalCpuQuota: quotas.totalCpu ?? unlimited,
    currentCpuUsage: used.cpu,
    totalMemoryQuota: quotas.totalMemoryGiB ?? unlimited,
    currentMemoryUsage: used.memoryGiB,
    totalDiskQuota: quotas.totalDiskGiB ?? unlimited,
    currentDiskUsage: used.diskGiB,
    totalGpuQuota: 0,
    currentGpuUsage: 0,
    maxCpuPerSandbox: cpu,
    maxMemoryPerSandbox: memoryGiB,
    maxDiskPerSandbox: diskGiB,
    maxDiskPerNonEphemeralSandbox: null,
    maxCpuPerGpu: null,
    maxMemoryPerGpu: null,
    maxDiskPerGpu: null,
  };
}
