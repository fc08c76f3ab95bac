import type { DoctorCheck, DoctorOptions } from "../../contract/doctor.ts";
import type { Deadline } from "../../core/deadline.ts";
import { BaseProvider } from "../../core/provider/base-provider.ts";
import { Redactor } from "../../core/redact.ts";
import type { ResolvedLocalConfig } from "./local-config.ts";
import { LocalConnection } from "./local-connection.ts";
import { examineLocal } from "./local-doctor.ts";
import { LocalTransport } from "./local-transport.ts";

/** What does the work of a `LocalProvider`. */
export class LoadedLocalProvider extends BaseProvider {
  readonly #config: ResolvedLocalConfig;

  /** No I/O, and the engine is not loaded yet. */
  constructor(resolved: ResolvedLocalConfig) {
    super({
      type: "local",
      transport: new LocalTransport(resolved, new LocalConnection(resolved)),
      redactor: new Redactor([]),
    });
    this.#config = resolved;
  }

  protected examine(options: DoctorOptions, deadline: Deadline): Promise<DoctorCheck[]> {
    return examineLocal(this.#config, options, deadline);
  }
}
