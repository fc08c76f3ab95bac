import { SandboxStateError } from "../../contract/lifecycle-errors.ts";
import { delay } from "../delay.ts";
import { stoppedByItself } from "../lifecycle/ensure-running.ts";
import { findTwice, isGoingAway } from "../lifecycle/find-sandbox.ts";
import { entrypointAdvice } from "../lifecycle/wait-for-state.ts";
import { retryIdempotent } from "../retry.ts";
import type { Transport } from "../transport.ts";

/** An entry point that ends within this time of the sandbox's first answer has ended at once. */
const atOnceMs = 1_000;

/**
 * Some servers let a sandbox go on without its entry point, others end it: what its image was given an entry point for is amiss in
 * both, and is told in both.
 *
 * @throws {@link SandboxStateError} with reason `entrypoint-ended` or `stopped-by-itself`.
 */
export async function proveEntrypoint(
  transport: Transport,
  sandboxId: string,
  signal: AbortSignal,
): Promise<void> {
  const { findEndedEntrypoint } = transport;
  if (findEndedEntrypoint === undefined) return;
  await delay(atOnceMs, signal);
  const ended = await retryIdempotent(() => findEndedEntrypoint(sandboxId, { signal }), signal);
  if (ended === undefined) {
    // Where it is the sandbox's first process, nobody knows of it any more once the sandbox has stopped with it.
    const record = await findTwice(transport, sandboxId, { signal });
    const hasStopped = record?.state === "stopped" || record?.state === "stopping";
    if (hasStopped && !isGoingAway(record)) throw stoppedByItself(record, "setup");
    return;
  }
  const output = ended.output.trim();
  throw new SandboxStateError(
    `The entry point of the image ended at once, with exit code ${ended.exitCode}. ${entrypointAdvice}${output === "" ? "" : ` It wrote last:\n${output}\n`}`,
    { sandboxId, reason: "entrypoint-ended" },
  );
}
