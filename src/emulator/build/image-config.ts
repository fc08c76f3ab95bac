/** What an image says about how it is run. JSON. */
export interface ImageConfig {
  readonly env: Readonly<Record<string, string>>;
  /** Absolute. Undefined: the home directory of the user. */
  readonly workDir: string | undefined;
  /** `name`, `uid`, `name:group` or `uid:gid`. Undefined: root. */
  readonly user: string | undefined;
}

/** An image that was built: its files are a snapshot of the engine's, or this machine's system as it is. */
export interface BuiltImage {
  readonly engineSnapshotId: string | undefined;
  readonly config: ImageConfig;
}
