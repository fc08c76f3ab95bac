import type { SandboxRecord } from "./sandbox-record.ts";

/** Environment of every process in the sandbox (Daytona v0.190 runner, container configuration). */
export function sandboxEnvironment(record: SandboxRecord): Record<string, string> {
  return {
    ...record.env,
    DAYTONA_SANDBOX_ID: record.id,
    ...(record.snapshot === undefined ? {} : { DAYTONA_SANDBOX_SNAPSHOT: record.snapshot }),
    DAYTONA_SANDBOX_USER: record.user,
    DAYTONA_ORGANIZATION_ID: record.organizationId,
    DAYTONA_REGION_ID: record.target,
  };
}
