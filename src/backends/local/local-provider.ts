import type { DoctorCheck, DoctorOptions } from "../../contract/doctor.ts";
import type { Deadline } from "../../core/deadline.ts";
import { BaseProvider } from "../../core/provider/base-provider.ts";
import { Redactor } from "../../core/redact.ts";
import type { ResolvedLocalConfig } from "./local-config.ts";
import { LocalConnection } from "./local-connection.ts";
import { examineLocal } from "./local-doctor.ts";
import { type LocalProviderConfig, resolveLocalProviderConfig } from "./local-provider-config.ts";
import { LocalTransport } from "./local-transport.ts";

/** The sandboxes of one folder of this machine. */
export class LocalProvider extends BaseProvider {
  readonly #config: ResolvedLocalConfig;

  /** @throws {@link ConfigError} that names what is wrong. No I/O, and the engine is not loaded yet. */
  constructor(config: LocalProviderConfig) {
    const resolved = resolveLocalProviderConfig(config, process.env);
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
