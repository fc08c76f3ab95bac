import type { TransportCall } from "../../core/transport.ts";
import type { DaytonaConnection } from "./daytona-connection.ts";
import { classifyDaytonaError } from "./daytona-errors.ts";
import type { DaytonaSandbox } from "./daytona-sdk.ts";

/**
 * Uses a sandbox's handle for requests to its toolbox. A handle keeps the address that it was made with; when that no longer
 * leads to the sandbox, a fresh one is asked for once.
 */
export async function withSandbox<Value>(
  connection: DaytonaConnection,
  sandboxId: string,
  call: TransportCall,
  use: (sandbox: DaytonaSandbox) => Promise<Value>,
): Promise<Value> {
  const sandbox = await connection.sandbox(sandboxId, call);
  try {
    return await use(sandbox);
  } catch (error) {
    if (call.signal.aborted) throw call.signal.reason;
    if (isAddressTrouble(error)) {
      const fresh = await connection.refresh(sandboxId, call);
      if (fresh !== undefined && fresh.toolboxProxyUrl !== sandbox.toolboxProxyUrl) {
        return use(fresh).catch((again: unknown) => {
          throw classifyDaytonaError(again, "toolbox");
        });
      }
    }
    throw classifyDaytonaError(error, "toolbox");
  }
}

function isAddressTrouble(error: unknown): boolean {
  const statusCode = (error as { statusCode?: unknown } | undefined)?.statusCode;
  return statusCode === 401 || statusCode === 404;
}
