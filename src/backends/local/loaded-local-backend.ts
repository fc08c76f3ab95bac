import type { ProviderCapabilities } from "../../contract/capabilities.ts";
import { BaseBackend } from "../../core/base-backend.ts";
import { Redactor } from "../../core/redact.ts";
import { localCapabilities } from "./local-capabilities.ts";
import { localDefaultWorkDir, type ResolvedLocalConfig, sourceText } from "./local-config.ts";
import { LocalConnection } from "./local-connection.ts";
import { LocalTransport } from "./local-transport.ts";

/** What does the work of a `LocalBackend`. */
export class LoadedLocalBackend extends BaseBackend {
  protected readonly providerCapabilities: ProviderCapabilities;

  /** No I/O, and the engine is not loaded yet. */
  constructor(resolved: ResolvedLocalConfig) {
    super({
      type: "local",
      transport: new LocalTransport(resolved, new LocalConnection(resolved)),
      // Nobody counts idle time here, so there is none after which anything happens.
      config: { ...resolved, idle: { autoStopMinutes: 0, autoDeleteMinutes: -1 } },
      defaultWorkDir: localDefaultWorkDir(resolved),
      source: sourceText(resolved),
      isFromSnapshot: resolved.snapshot !== undefined,
      organizationId: undefined,
      redactor: new Redactor([
        resolved.gitCredentials?.password,
        ...Object.values(resolved.secrets ?? {}),
      ]),
    });
    this.providerCapabilities = localCapabilities(resolved);
  }
}
