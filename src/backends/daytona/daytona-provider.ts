import type { DoctorCheck, DoctorOptions } from "../../contract/doctor.ts";
import type { Deadline } from "../../core/deadline.ts";
import { BaseProvider } from "../../core/provider/base-provider.ts";
import { Redactor } from "../../core/redact.ts";
import type { ResolvedDaytonaConfig } from "./daytona-config.ts";
import { DaytonaConnection } from "./daytona-connection.ts";
import { examineDaytona } from "./daytona-doctor.ts";
import {
  type DaytonaProviderConfig,
  resolveDaytonaProviderConfig,
} from "./daytona-provider-config.ts";
import { DaytonaTransport } from "./daytona-transport.ts";

/** A Daytona organisation: in its cloud, self-hosted, or on the emulator. */
export class DaytonaProvider extends BaseProvider {
  readonly #config: ResolvedDaytonaConfig;

  /** @throws {@link ConfigError} that names what is wrong. No I/O, and the SDK is not loaded yet. */
  constructor(config: DaytonaProviderConfig) {
    const resolved = resolveDaytonaProviderConfig(config, process.env);
    const connection = new DaytonaConnection(resolved);
    super({
      type: "daytona",
      transport: new DaytonaTransport(resolved, connection),
      redactor: new Redactor([resolved.apiKey]),
    });
    this.#config = resolved;
  }

  protected examine(options: DoctorOptions, deadline: Deadline): Promise<DoctorCheck[]> {
    return examineDaytona(this.#config, this.transport, options, deadline);
  }
}
