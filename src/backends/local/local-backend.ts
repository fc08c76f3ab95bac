import type { ProviderCapabilities } from "../../contract/capabilities.ts";
import { BaseBackend } from "../../core/base-backend.ts";
import { Redactor } from "../../core/redact.ts";
import {
  type LocalConfig,
  localDefaultWorkDir,
  resolveLocalConfig,
  sourceText,
} from "./local-config.ts";
import { LocalConnection } from "./local-connection.ts";
import { LocalTransport } from "./local-transport.ts";

/** A sandbox of this machine, made by the local engine. It needs Linux, and no account. */
export class LocalBackend extends BaseBackend {
  protected readonly providerCapabilities: ProviderCapabilities;

  /** @throws {@link ConfigError} that names what is wrong. No I/O, and the engine is not loaded yet. */
  constructor(config: LocalConfig) {
    const resolved = resolveLocalConfig(config, process.env);
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
    this.providerCapabilities = {
      isolation: resolved.isolation,
      image: false,
      ports: "any",
      previewWebSocket: true,
      stop: true,
      snapshot: "new-sandbox",
      snapshotStopsSource: false,
      idleTimeouts: false,
      volumes: resolved.isolation !== "none",
    };
  }
}
