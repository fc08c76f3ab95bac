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

export function checkPerSandbox(
  { quotas }: EmulatorServices,
  { cpu, memoryGiB, diskGiB }: Pick<Demand, "cpu" | "memoryGiB" | "diskGiB">,
): void {
  const { maxCpuPerSandbox = 4, maxMemoryPerSandboxGiB = 8, maxDiskPerSandboxGiB = 10 } = quotas;
  if (cpu > maxCpuPerSandbox) throw exceeded(`CPU request ${cpu}`, `${maxCpuPerSandbox}`);
  if (memoryGiB > maxMemoryPerSandboxGiB)
    throw exceeded(`Memory request ${memoryGiB}GB`, `${maxMemoryPerSandboxGiB}GB`);
  if (diskGiB > maxDiskPerSandboxGiB)
    throw exceeded(`Disk request ${diskGiB}GB`, `${maxDiskPerSandboxGiB}GB`);
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
  const running = others.filter(holdsMemory);
  const onDisk = others.filter(({ state }) => state !== "archived");
  const total = (records: SandboxRecord[], field: "cpu" | "memoryGiB" | "diskGiB") =>
    records.reduce((sum, record) => sum + record[field], demand[field]);
  const { totalCpu, totalMemoryGiB, totalDiskGiB } = quotas;
  if (totalCpu !== undefined && total(running, "cpu") > totalCpu)
    throw new ApiError(
      400,
      `Total CPU limit exceeded. Maximum allowed: ${totalCpu}.\n${tierAdvice}`,
    );
  if (totalMemoryGiB !== undefined && total(running, "memoryGiB") > totalMemoryGiB)
    throw new ApiError(
      400,
      `Total memory limit exceeded. Maximum allowed: ${totalMemoryGiB}GiB.\n${tierAdvice}`,
    );
  if (totalDiskGiB !== undefined && total(onDisk, "diskGiB") > totalDiskGiB)
    throw new ApiError(
      400,
      `Total disk limit exceeded. Maximum allowed: ${totalDiskGiB}GiB.\n${archiveAdvice}\n${tierAdvice}`,
    );
}

// Stopped sandboxes hold disk only, archived ones nothing.
function holdsMemory({ state }: SandboxRecord): boolean {
  return !["stopped", "archived", "archiving", "error", "build_failed"].includes(state);
}
