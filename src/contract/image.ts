/** A file or directory of this machine that goes into an image. */
export interface ImageCopy {
  /** Absolute, or relative to `contextDirectory`. Of a directory the content is copied. Links in it are refused. */
  readonly from: string;
  /** Absolute, or relative to `workDir`. With a slash at its end a file keeps its name. */
  readonly to: string;
}

/** An image as plain data. The fields take effect in the order in which they stand here. */
export interface ImageData {
  /** Image to build on, such as `node:20-slim`. */
  readonly base: string;
  /** Environment of the build's later steps, and of every process in a sandbox of the image. One line each; nothing secret. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Debian packages, such as `git` or `curl=7.88.1-10`. */
  readonly aptPackages?: readonly string[] | undefined;
  /** Working directory of what follows and of the sandbox's shells, made when it is missing. Absolute. */
  readonly workDir?: string | undefined;
  /** Where relative sources are looked for, and outside of which there must be none. Default: the current directory, without that bound. */
  readonly contextDirectory?: string | undefined;
  readonly copy?: readonly ImageCopy[] | undefined;
  /** Commands, each a step of its own: a string runs in `sh`, an array is an argv. Run by root. */
  readonly run?: readonly (string | readonly string[])[] | undefined;
  /** `name`, `uid`, `name:group` or `uid:gid`. Default: root, or what the base says. */
  readonly user?: string | undefined;
  /** A long-running command. Default: one that only keeps the sandbox alive. */
  readonly entrypoint?: readonly string[] | undefined;
}

/** What is used of the `Image` of a provider's SDK. */
export interface SdkImage {
  readonly dockerfile: string;
  readonly contextList: readonly { readonly sourcePath: string; readonly archivePath: string }[];
}

/** Size of the sandboxes of an image. What is not given is the provider's default. */
export interface ImageResources {
  /** Cores. */
  readonly cpu?: number | undefined;
  readonly memoryGiB?: number | undefined;
  readonly diskGiB?: number | undefined;
}
