import type { DoctorCheck, DoctorOptions } from "../../contract/doctor.ts";
import type { Deadline } from "../../core/deadline.ts";
import { BaseProvider } from "../../core/provider/base-provider.ts";
import { Redactor } from "../../core/redact.ts";
import type { ResolvedDaytonaConfig } from "./daytona-config.ts";
import { DaytonaConnection } from "./daytona-connection.ts";
import { examineDaytona } from "./daytona-doctor.ts";
import { DaytonaTransport } from "./daytona-transport.ts";

/** What does the work of a `DaytonaProvider`. */
export class LoadedDaytonaProvider extends BaseProvider {
  readonly #config: ResolvedDaytonaConfig;

  /** No I/O, and the SDK is not loaded yet. */
  constructor(resolved: ResolvedDaytonaConfig) {
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
