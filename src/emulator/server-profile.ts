import type { ServerProfileName } from "./emulator-options.ts";

/** In what the two servers differ, as far as the emulator's routes are concerned. */
export interface ServerProfile {
  readonly name: ServerProfileName;
  readonly version: string;
  /** File calls and daemon errors carry `source` and specific codes; else file calls answer with an empty body. */
  readonly typedErrors: boolean;
  /** Status of the interval routes and of last-activity. */
  readonly intervalStatus: 200 | 201;
  /** Routes and fields that only the newer server has. */
  readonly newerRoutes: boolean;
  /** Whether the followed log of a build that failed is left open. */
  readonly failedBuildLogStaysOpen: boolean;
  readonly nameFreedOnDelete: boolean;
  /** The snapshot of a sandbox is there from the request on. Else when it is made, and one that fails never appears. */
  readonly snapshotAppearsAtOnce: boolean;
  readonly previewIsActivity: boolean;
}

const profiles: { readonly [Name in ServerProfileName]: ServerProfile } = {
  cloud: {
    name: "cloud",
    version: "0.218.0",
    typedErrors: true,
    intervalStatus: 200,
    newerRoutes: true,
    failedBuildLogStaysOpen: false,
    nameFreedOnDelete: false,
    snapshotAppearsAtOnce: true,
    previewIsActivity: false,
  },
  "v0.190": {
    name: "v0.190",
    version: "0.190.0",
    typedErrors: false,
    intervalStatus: 201,
    newerRoutes: false,
    failedBuildLogStaysOpen: true,
    nameFreedOnDelete: true,
    snapshotAppearsAtOnce: false,
    previewIsActivity: true,
  },
};

export function serverProfile(name: ServerProfileName): ServerProfile {
  return profiles[name];
}
