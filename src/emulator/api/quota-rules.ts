import type { QuotaOptions } from "../emulator-options.ts";
import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import type { SandboxRecord } from "../state/sandbox-record.ts";

const perSandboxAdvice =
  "Need higher resource limits per-sandbox? Contact us at support@daytona.io and let us know about your use case.";
const archiveAdvice = "Consider archiving your unused Sandboxes to free up available storage.";

export type Demand = Pick<SandboxRecord, "id" | "organizationId" | "cpu" | "memoryGiB" | "diskGiB">;

/** Refuses a create or start that exceeds the quotas: always 400, told apart only by the text. */
export function checkQuotas(services: EmulatorServices, demand: Demand): void {
  checkPerSandbox(services, demand);
  checkTotals(services, demand);
}

/** What one sandbox may have at most. */
export function perSandboxQuotas(quotas: QuotaOptions) {
  return {
    cpu: quotas.maxCpuPerSandbox ?? 4,
    memoryGiB: quotas.maxMemoryPerSandboxGiB ?? 8,
    diskGiB: quotas.maxDiskPerSandboxGiB ?? 10,
  };
}

export function checkPerSandbox(
  { quotas }: EmulatorServices,
  { cpu, memoryGiB, diskGiB }: Pick<Demand, "cpu" | "memoryGiB" | "diskGiB">,
): void {
  const most = perSandboxQuotas(quotas);
  if (cpu > most.cpu) throw exceeded(`CPU request ${cpu}`, `${most.cpu}`);
  if (memoryGiB > most.memoryGiB)
    throw exceeded(`Memory request ${memoryGiB}GB`, `${most.memoryGiB}GB`);
  if (diskGiB > most.diskGiB) throw exceeded(`Disk request ${diskGiB}GB`, `${most.diskGiB}GB`);
}

function exceeded(request: string, limit: string): ApiError {
  return new ApiError(
    400,
    `${request} exceeds maximum allowed per sandbox (${limit}).\n${perSandboxAdvice}`,
  );
}

function checkTotals({ quotas, store, address }: EmulatorServices, demand: Demand): void {
  const tierAdvice = `To increase concurrency limits, upgrade your organization's Tier by visiting ${address().origin}/limits.`;
  const others = store
    .ofOrganization(demand.organizationId)
    .map(({ record }) => record)
    .filter(({ id }) => id !== demand.id);
  const used = usageOf(others);
  const total = (field: "cpu" | "memoryGiB" | "diskGiB") => used[field] + demand[field];
  const { totalCpu, totalMemoryGiB, totalDiskGiB } = quotas;
  if (totalCpu !== undefined && total("cpu") > totalCpu)
    throw new ApiError(
      400,
      `Total CPU limit exceeded. Maximum allowed: ${totalCpu}.\n${tierAdvice}`,
    );
  if (totalMemoryGiB !== undefined && total("memoryGiB") > totalMemoryGiB)
    throw new ApiError(
      400,
      `Total memory limit exceeded. Maximum allowed: ${totalMemoryGiB}GiB.\n${tierAdvice}`,
    );
  if (totalDiskGiB !== undefined && total("diskGiB") > totalDiskGiB)
    throw new ApiError(
      400,
      `Total disk limit exceeded. Maximum allowed: ${totalDiskGiB}GiB.\n${archiveAdvice}\n${tierAdvice}`,
    );
}

/** What these sandboxes hold of the totals. */
export function usageOf(records: readonly SandboxRecord[]) {
  const sum = (some: readonly SandboxRecord[], field: "cpu" | "memoryGiB" | "diskGiB") =>
    some.reduce((total, record) => total + record[field], 0);
  const running = records.filter(holdsMemory);
  const onDisk = records.filter(({ state }) => state !== "archived");
  return {
    cpu: sum(running, "cpu"),
    memoryGiB: sum(running, "memoryGiB"),
    diskGiB: sum(onDisk, "diskGiB"),
  };
}

// Stopped sandboxes hold disk only, archived ones nothing.
function holdsMemory({ state }: SandboxRecord): boolean {
  return !["stopped", "archived", "archiving", "error", "build_failed"].includes(state);
}
