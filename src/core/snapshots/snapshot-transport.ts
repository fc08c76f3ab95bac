import type { Snapshot } from "../../contract/snapshot.ts";
import type { TransportCall } from "../transport.ts";

/** What a provider with snapshots must offer. */
export interface SnapshotTransport {
  /**
   * Asks for a snapshot of a sandbox that runs or is stopped; resolves when accepted, and the sandbox may be in a transition
   * afterwards. Rejects with a `SnapshotError` of reason `name-taken`; after a `ConnectionError` it may be made all the same.
   */
  request(
    sandboxId: string,
    name: string,
    options: { readonly isStopped: boolean },
    call: TransportCall,
  ): Promise<void>;
  /** Never cached; undefined when the provider says that there is none. */
  find(nameOrId: string, call: TransportCall): Promise<Snapshot | undefined>;
  list(call: TransportCall): Promise<readonly Snapshot[]>;
  /** Asks; a snapshot that is gone is fine. */
  requestDelete(id: string, call: TransportCall): Promise<void>;
  requestActivation(id: string, call: TransportCall): Promise<void>;
}
