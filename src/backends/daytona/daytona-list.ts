import { ProtocolError } from "../../contract/provider-errors.ts";
import type { SandboxRecord, TransportCall } from "../../core/transport.ts";
import type { DaytonaConnection } from "./daytona-connection.ts";
import { classifyDaytonaError } from "./daytona-errors.ts";
import type { DaytonaSandbox } from "./daytona-sdk.ts";
import { toSandboxRecord } from "./daytona-states.ts";

/** The most that one page may have (Daytona openapi, `listSandboxes`). */
const perPage = 200;

/**
 * All sandboxes of the organisation with these labels. The order of creation is asked for, because the default one, by activity,
 * changes while pages are read.
 */
export async function listDaytonaSandboxes(
  connection: DaytonaConnection,
  labels: Readonly<Record<string, string>>,
  call: TransportCall,
): Promise<SandboxRecord[]> {
  const records = new Map<string, SandboxRecord>();
  try {
    const client = await connection.client();
    const query = { labels: { ...labels }, limit: perPage, sort: "createdAt", order: "asc" };
    const pages = iteratorOf(client.list(query));
    for (;;) {
      const { done, value } = await connection.request(call, () => pages.next());
      if (done === true) return [...records.values()];
      if (typeof value?.id !== "string" || value.id === "") throw notDaytona();
      // A page may repeat what moved while it was read.
      records.set(value.id, toSandboxRecord(value));
    }
  } catch (error) {
    if (call.signal.aborted) throw call.signal.reason;
    // The SDK takes the items of an answer that has none.
    throw error instanceof TypeError ? notDaytona(error) : classifyDaytonaError(error, "api");
  }
}

function iteratorOf(answer: unknown): AsyncIterator<DaytonaSandbox> {
  const { next } = (answer ?? {}) as { next?: unknown };
  if (typeof next === "function") return answer as AsyncIterator<DaytonaSandbox>;
  throw new ProtocolError(
    "The SDK's `list` gives no pages by cursor: `sdk` is too old. Use @daytonaio/sdk of version 0.180 or newer.",
  );
}

function notDaytona(cause?: unknown): ProtocolError {
  return new ProtocolError(
    "The list of sandboxes is none of Daytona's. Check `apiUrl`: it ends in /api as a rule.",
    { cause },
  );
}
