/** What a caller can rely on with this backend. Facts, not wishes: the conformance suite asserts each of them. */
export interface Capabilities {
  /** How the sandbox is separated from other machines: by the provider, by namespaces of this machine, or not at all. */
  readonly isolation: "provider" | "namespaces" | "none";
  /** Sources that `setup` can start from. */
  readonly image: boolean;
  /** Which ports have a preview address. */
  readonly ports: "any" | "declared" | "one" | "none";
  /** Whether the preview address also takes WebSockets. */
  readonly previewWebSocket: boolean;
  /** Whether a stopped sandbox keeps its files and starts again. */
  readonly stop: boolean;
  /** Whether idle times are counted by the provider. */
  readonly idleTimeouts: boolean;
}
