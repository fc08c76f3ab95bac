import { TeardownError, TimeoutError } from "../../contract/lifecycle-errors.ts";
import type { Deadline } from "../deadline.ts";
import type { Transport } from "../transport.ts";
import { deleteUntilGone } from "./delete-sandbox.ts";

/**
 * Deletes a sandbox and resolves when it is proven gone.
 *
 * @throws {@link TeardownError} when it is still there at the deadline.
 */
export async function tearDown(
  transport: Transport,
  { sandboxId, name }: { readonly sandboxId: string; readonly name: string },
  deadline: Deadline,
): Promise<void> {
  let state: string | undefined;
  try {
    await deleteUntilGone(transport, sandboxId, deadline.signal, (record) => {
      state = record.providerState;
    });
  } catch (error) {
    if (!(deadline.reason instanceof TimeoutError)) throw error;
    throw new TeardownError(
      `Sandbox ${sandboxId} is still there after ${deadline.timeoutMs} ms, in state ${state ?? "unknown"}. Call teardown() again to go on.`,
      { sandboxId, cause: error, retryable: true, leaked: [{ id: sandboxId, name, state }] },
    );
  }
}
