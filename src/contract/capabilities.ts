/** What a terminal of this sandbox can do. */
export interface PtyCapabilities {
  /** Whether `attachPty` shows what was printed before, from any offset and from any host. */
  readonly replay: boolean;
  /** Whether a terminal's size can be changed. */
  readonly resize: boolean;
  /** Whether several clients can look at one terminal and type into it. */
  readonly severalViewers: boolean;
}

/** What a caller can rely on with this backend. Facts, not wishes: the conformance suite asserts each of them. */
export interface Capabilities extends ProviderCapabilities {
  /**
   * What `attachPty` gives; `false` when the sandbox has neither `script` of util-linux nor python3, and it rejects with
   * {@link UnsupportedOperationError}. Depends on the image, so it is `"after-setup"` before `setup` or `reconnect`.
   */
  readonly pty: PtyCapabilities | false | "after-setup";
  /**
   * Whether `user` of `exec`, `spawn` and `attachPty` can name another user than the sandbox's own. Depends on the image and on
   * who the sandbox's user is, so it is `"after-setup"` before `setup` or `reconnect`.
   */
  readonly separateUsers: boolean | "after-setup";
}

/** The part of {@link Capabilities} that is the same in every sandbox of a provider. */
export interface ProviderCapabilities {
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
  /** What `createSnapshot` makes: a source for new sandboxes, a state that this sandbox can go back to, or nothing. */
  readonly snapshot: "new-sandbox" | "in-place" | "none";
  /** Whether a snapshot ends the sandbox's processes whatever `mode` says. Else they stand still meanwhile and go on. */
  readonly snapshotStopsSource: boolean;
  /** Whether idle times are counted by the provider. */
  readonly idleTimeouts: boolean;
  /** Whether `volumes` can be mounted. */
  readonly volumes: boolean;
}
