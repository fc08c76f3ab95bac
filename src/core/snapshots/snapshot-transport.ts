import type { BuildSnapshotOptions, Snapshot } from "../../contract/snapshot.ts";
import type { BuildLogSource, TransportCall } from "../transport.ts";

/** A snapshot that is to be built, checked, with its local files looked at. */
export interface PreparedBuild {
  /** Asks for it; resolves when accepted. After a `ConnectionError` it may be made all the same. */
  request(name: string, call: TransportCall): Promise<void>;
  /** Whether what is there under this name was made from this. */
  isMade(name: string, call: TransportCall): Promise<boolean>;
  /** The log of its build; undefined when it has none. */
  openLog(snapshotId: string): BuildLogSource | undefined;
}

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
  /**
   * Checks what a snapshot is to be built from. No request. Undefined where nothing is built.
   *
   * @throws {@link ConfigError}
   */
  readonly prepareBuild?:
    | ((options: Pick<BuildSnapshotOptions, "image" | "resources">) => Promise<PreparedBuild>)
    | undefined;
  requestActivation(id: string, call: TransportCall): Promise<void>;
}
