import type { ImageData, SdkImage } from "../../../contract/image.ts";
import type { EndedEntrypoint, TransportCall } from "../../../core/transport.ts";
import type { DaytonaConnection } from "../daytona-connection.ts";
import { classifyDaytonaError } from "../daytona-errors.ts";
import { isSdkImage } from "./image-data.ts";

const mostOutput = 2_000;

/** Daytona runs `sleep infinity` for an image that names none, so only one that is named can end. */
export function namesEntrypoint(image: ImageData | SdkImage): boolean {
  return isSdkImage(image)
    ? /^\s*ENTRYPOINT\s/im.test(image.dockerfile)
    : image.entrypoint !== undefined;
}

/**
 * Daytona's daemon runs the entry point as a session beside it, and tells how it has ended. Undefined while it runs, and where
 * the server or the SDK is too old to tell.
 */
export async function findEndedEntrypoint(
  connection: DaytonaConnection,
  sandboxId: string,
  call: TransportCall,
): Promise<EndedEntrypoint | undefined> {
  const { process } = await connection.sandbox(sandboxId, call);
  try {
    const session = await connection.request(call, async () => process.getEntrypointSession?.());
    const exitCode = session?.commands?.[0]?.exitCode;
    if (typeof exitCode !== "number") return undefined;
    const logs = await connection.request(call, async () => process.getEntrypointLogs?.());
    return { exitCode, output: (logs?.output ?? "").slice(-mostOutput) };
  } catch (error) {
    if (call.signal.aborted) throw call.signal.reason;
    if ((error as { statusCode?: unknown } | undefined)?.statusCode === 404) return undefined;
    throw classifyDaytonaError(error, "toolbox");
  }
}
