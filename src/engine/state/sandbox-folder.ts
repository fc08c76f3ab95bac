import { join } from "node:path";

/** Where the parts of one sandbox are on the host's disk. */
export interface SandboxFolder {
  readonly path: string;
  /** Where the sandbox's root directory is mounted; without namespaces the folder that it may use. */
  readonly root: string;
  /** With namespaces, what the sandbox itself has written: its uppermost layer. */
  readonly own: string;
  /** Work directories of the overlays. */
  readonly work: string;
  /** Links to the read-only layers below `own`: `0` is the uppermost, `mirror`. Short names, because the options of a mount are limited. */
  readonly lower: string;
  /** The read-only layers of all sandboxes and snapshots of the engine. */
  readonly sharedLayers: string;
  /** Directories like the host's, where sandboxes of this engine need them. */
  readonly mirror: string;
  readonly record: string;
  readonly processGroups: string;
  /** The host's name servers as the sandbox got them last. */
  readonly resolverConfiguration: string;
}

export function sandboxFolder(engineDirectory: string, id: string): SandboxFolder {
  const path = join(engineDirectory, "sandboxes", id);
  return {
    path,
    root: join(path, "root"),
    own: join(path, "own"),
    work: join(path, "work"),
    lower: join(path, "lower"),
    sharedLayers: join(engineDirectory, "layers"),
    mirror: join(engineDirectory, "mirror"),
    record: join(path, "sandbox.json"),
    processGroups: join(path, "process-groups"),
    resolverConfiguration: join(path, "resolv.conf"),
  };
}
