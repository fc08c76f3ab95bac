import type { ProviderCapabilities } from "../../contract/capabilities.ts";

/** What Daytona offers, whatever the sandbox. */
export const daytonaCapabilities: ProviderCapabilities = {
  isolation: "provider",
  image: true,
  ports: "any",
  previewWebSocket: true,
  stop: true,
  snapshot: "new-sandbox",
  snapshotStopsSource: false,
  idleTimeouts: true,
  volumes: true,
};
