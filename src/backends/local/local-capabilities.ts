import type { ProviderCapabilities } from "../../contract/capabilities.ts";
import type { ResolvedLocalConfig } from "./local-config.ts";

/** What this machine offers with that isolation. */
export function localCapabilities({
  isolation,
}: Pick<ResolvedLocalConfig, "isolation">): ProviderCapabilities {
  return {
    isolation,
    image: false,
    ports: "any",
    previewWebSocket: true,
    stop: true,
    snapshot: "new-sandbox",
    snapshotStopsSource: false,
    idleTimeouts: false,
    volumes: isolation !== "none",
  };
}
