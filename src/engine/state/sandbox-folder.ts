import { join } from "node:path";

/** Where the parts of one sandbox are on the host's disk. */
export interface SandboxFolder {
  readonly path: string;
  /** The sandbox's own tree: its root directory with namespaces, the folder that it may use without. */
  readonly root: string;
  /** Upper and work directories of the overlays. */
  readonly layers: string;
  readonly record: string;
  /** What to mount, in three steps, for `mount --fstab`. */
  readonly mounts: { readonly root: string; readonly details: string; readonly processes: string };
  readonly processGroups: string;
  /** The host's name servers as the sandbox got them last. */
  readonly resolverConfiguration: string;
}

export function sandboxFolder(engineDirectory: string, id: string): SandboxFolder {
  const path = join(engineDirectory, "sandboxes", id);
  return {
    path,
    root: join(path, "root"),
    layers: join(path, "layers"),
    record: join(path, "sandbox.json"),
    mounts: {
      root: join(path, "mounts-root"),
      details: join(path, "mounts-details"),
      processes: join(path, "mounts-processes"),
    },
    processGroups: join(path, "process-groups"),
    resolverConfiguration: join(path, "resolv.conf"),
  };
}
