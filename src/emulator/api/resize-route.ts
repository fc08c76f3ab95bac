import type { ResizeSandbox } from "@daytona/api-client";
import * as z from "zod/mini";
import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError, stateChangeInProgress } from "../http/api-error.ts";
import type { SandboxRecord } from "../state/sandbox-record.ts";
import { parseApiBody } from "../wire/parse-body.ts";
import { type ApiRoutes, sandboxOfCall, sendSandbox } from "./api-call.ts";
import { checkQuotas } from "./quota-rules.ts";

const amount = z.optional(z.int().check(z.minimum(1)));
const resizeSchema = z.object({ cpu: amount, memory: amount, disk: amount } satisfies {
  [Field in keyof ResizeSandbox]-?: z.ZodMiniType;
});

type ResizeBody = z.infer<typeof resizeSchema>;

/** Server 0.190 has it behind a switch that is off: there the route does not exist. */
export function addResizeRoute(routes: ApiRoutes, services: EmulatorServices): void {
  routes.add("POST", "/sandbox/{sandboxIdOrName}/resize", {
    permission: "write:sandboxes",
    handle: async (call) => {
      const entry = sandboxOfCall(services, call);
      const body = await parseApiBody(call.request, resizeSchema);
      checkResize(entry.record, body);
      const size = newSize(entry.record, body);
      checkQuotas(services, { ...entry.record, ...size });
      services.lifecycle.resize(entry, size);
      sendSandbox(services, call, entry);
    },
  });
}

function newSize({ cpu, memoryGiB, diskGiB }: SandboxRecord, body: ResizeBody) {
  return {
    cpu: body.cpu ?? cpu,
    memoryGiB: body.memory ?? memoryGiB,
    diskGiB: body.disk ?? diskGiB,
  };
}

/** The rules of the Daytona v0.190 API (sandbox service), with its texts. */
function checkResize(record: SandboxRecord, body: ResizeBody): void {
  const { state, desiredState } = record;
  if (state !== "started" && state !== "stopped")
    throw new ApiError(400, "Sandbox must be in started or stopped state to resize");
  if (state !== desiredState) throw stateChangeInProgress();
  const isHot = state === "started";
  if (body.disk !== undefined && isHot)
    throw new ApiError(400, "Disk resize can only be performed on a stopped sandbox");
  if (isHot && body.cpu !== undefined && body.cpu < record.cpu)
    throw new ApiError(400, "Sandbox must be in stopped state to decrease the number of CPU cores");
  if (isHot && body.memory !== undefined && body.memory < record.memoryGiB)
    throw new ApiError(400, "Sandbox must be in stopped state to decrease memory");
  if (body.disk !== undefined && body.disk < record.diskGiB)
    throw new ApiError(400, "Sandbox disk size cannot be decreased");
  const size = newSize(record, body);
  const isSame =
    size.cpu === record.cpu &&
    size.memoryGiB === record.memoryGiB &&
    size.diskGiB === record.diskGiB;
  if (isSame)
    throw new ApiError(
      400,
      "No resource changes specified - sandbox is already at the desired configuration",
    );
}
