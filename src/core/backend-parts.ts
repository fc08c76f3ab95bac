import type { BackendConfig } from "../contract/config.ts";
import type { Redactor } from "./redact.ts";
import type { Transport } from "./transport.ts";

/** What a provider gives to its backends. */
export interface BackendParts {
  readonly type: string;
  readonly transport: Transport;
  readonly config: BackendConfig;
  /** Working directory when neither the config nor the sandbox itself says which. */
  readonly defaultWorkDir: string;
  /** What sandboxes are made from, in words; two sources that differ have different words. */
  readonly source: string;
  /** Whether they are made from a snapshot, which may hold what an earlier sandbox of ours left. */
  readonly isFromSnapshot: boolean;
  readonly organizationId: string | undefined;
  readonly redactor: Redactor;
}
