import type { CallOptions } from "./call-options.ts";
import type { ImageData, ImageResources, SdkImage } from "./image.ts";

/**
 * `active` is ready to be used. `inactive` needs `snapshots.activate` first. What is neither ready nor failed nor on its way out
 * is `pending`.
 */
export type SnapshotState = "pending" | "active" | "inactive" | "error" | "removing" | "unknown";

/** The files of a sandbox as they were at one moment, or a prepared image: what `setup` can begin from. */
export interface Snapshot {
  readonly id: string;
  readonly name: string;
  readonly state: SnapshotState;
  /** The provider's own word for the state. */
  readonly providerState: string;
  /** The provider's reason of an error state, where it gave one. */
  readonly message: string | undefined;
  /** The sandbox that it was made of; undefined for one that was built, and where the provider does not say. */
  readonly sourceSandboxId: string | undefined;
  readonly createdAt: Date | undefined;
  /** Undefined when no sandbox has been made from it, and where the provider does not count. */
  readonly lastUsedAt: Date | undefined;
}

export interface SnapshotOptions extends CallOptions {
  /**
   * `pause`: processes stand still while the files are taken, and go on. `stop`: the sandbox is stopped for it, which ends its
   * processes, and started again if it ran, also when the snapshot fails or is given up, which may take 30 s more. The local backend
   * then copies nothing, whatever the size. Default: `pause`.
   */
  readonly mode?: "pause" | "stop" | undefined;
  /** Milliseconds for everything together. Default: 600 000. */
  readonly timeoutMs?: number | undefined;
}

export interface BuildSnapshotOptions extends CallOptions {
  /** Letters, digits and `_.-:/`; not with the tag `:latest`. Snapshots never change, so a name with a version is a good one. */
  readonly name: string;
  /**
   * What it is made from: an image with a tag or a digest, plain data, or the `Image` of the provider's SDK. A moving tag, as
   * `:latest` and a missing one are, is refused: what it means would change under the name of the snapshot.
   */
  readonly image: string | ImageData | SdkImage;
  /** The size of its sandboxes. */
  readonly resources?: ImageResources | undefined;
  /** Told of what the build logs, whole lines at a time. Nothing is decided by it. An image that is only pulled logs nothing. */
  readonly onLog?: ((text: string) => void) | undefined;
  /** Milliseconds for everything together. Default: 1 800 000 (half an hour). */
  readonly timeoutMs?: number | undefined;
}

/** The snapshots of a provider. Each method takes the name or the ID of one. */
export interface Snapshots {
  /** All that the account sees, those of the provider itself included, sorted by name. Default `timeoutMs`: 60 000. */
  list(options?: CallOptions): Promise<Snapshot[]>;
  /** Undefined when the provider says that there is none. Default `timeoutMs`: 30 000. */
  get(nameOrId: string, options?: CallOptions): Promise<Snapshot | undefined>;
  /**
   * Resolves when it is proven gone, and its name free; also when it was gone before. Sandboxes that were made from it stay.
   * Default `timeoutMs`: 120 000.
   *
   * @throws {@link PermissionError} for one of the provider itself.
   */
  delete(nameOrId: string, options?: CallOptions): Promise<void>;
  /**
   * Builds one that holds what sandboxes need, so that they start fast; resolves when it is `active`. Its state decides, and
   * not the log. One whose build fails is deleted again, which frees its name.
   *
   * @throws {@link SnapshotError} when the name is taken, or when the build fails, with the end of its log;
   * {@link ConfigError} before any request; {@link UnsupportedOperationError} where nothing is built.
   */
  build(options: BuildSnapshotOptions): Promise<Snapshot>;
  /**
   * Makes an inactive snapshot usable again and resolves when it is `active`; at once when it is. Default `timeoutMs`: 120 000.
   *
   * @throws {@link SnapshotError} when there is none, or when it cannot become active.
   */
  activate(nameOrId: string, options?: CallOptions): Promise<Snapshot>;
}
