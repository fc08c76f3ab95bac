import { SandboxStateError } from "../../contract/lifecycle-errors.ts";
import type { SandboxRecord, Transport } from "../transport.ts";
import { BuildLogFollower, withBuildLog } from "./build-log-follower.ts";

/**
 * Waits for a sandbox, and tells meanwhile what the build of its image logs, if one is seen. A wait that fails over a build that
 * has failed has the end of the log in its message.
 */
export async function followingBuild<Value>(
  transport: Transport,
  sandboxId: string,
  signal: AbortSignal,
  onText: (text: string) => void,
  wait: (onState: (record: SandboxRecord) => void) => Promise<Value>,
): Promise<Value> {
  let follower: BuildLogFollower | undefined;
  let hasFailed = false;
  const onState = ({ build }: SandboxRecord): void => {
    if (build === undefined || transport.openBuildLog === undefined) return;
    hasFailed = build === "failed";
    if (follower !== undefined) return;
    follower = new BuildLogFollower(transport.openBuildLog(sandboxId), onText);
    if (build === "running") follower.start(signal);
  };
  try {
    const value = await wait(onState);
    await follower?.finish(signal);
    return value;
  } catch (error) {
    const tail = await follower?.finish(signal);
    if (!hasFailed || !tail || !(error instanceof SandboxStateError)) throw error;
    const { operation, providerState, reason, retryable, cause } = error;
    throw new SandboxStateError(withBuildLog(error.message, tail), {
      operation,
      sandboxId,
      providerState,
      reason,
      retryable,
      cause,
    });
  }
}
