import * as z from "zod/mini";
import type { BackendConfig } from "../../contract/config.ts";
import { lazily } from "../../core/config/lazily.ts";
import type { EngineSandboxOptions, Isolation } from "../../engine/engine-types.ts";

/** Limits of one local sandbox. There is none on its disk. */
export interface LocalResources {
  /** Cores, such as 1.5; at least 0.01. Default: all, shared with whatever else wants them. */
  readonly cpu?: number | undefined;
  /** Memory of all its processes together; at least 0.03125. What is over it is killed. Default: three quarters of the machine's. */
  readonly memoryGiB?: number | undefined;
  /** Processes and threads at the same time; at least 16. Default: 4096. */
  readonly processes?: number | undefined;
}

/** What the sandbox may reach. */
export interface LocalNetwork {
  /**
   * Nothing outside is reached: the sandbox has a network of its own, in which its loopback works and previews do. Not together with a
   * `repoUrl` or `dotfiles` of another machine. Default: false, which is this machine's network.
   */
  readonly blockAll?: boolean | undefined;
}

/** What a local sandbox is made with, beside its source. */
export interface LocalSandboxOptions {
  /**
   * What the sandbox may use of this machine. `setup` rejects with {@link UnsupportedOperationError} for a limit that cannot be
   * enforced here; a default holds where it can be, and `doctor` says where that is.
   */
  readonly resources?: LocalResources | undefined;
  readonly network?: LocalNetwork | undefined;
}

const gibibyte = 1024 ** 3;
const least = { cpu: 0.01, memoryGiB: 1 / 32, processes: 16 };

function from(limit: number) {
  return z.number().check(z.refine((value) => value >= limit, { error: `a number from ${limit}` }));
}

export const localSandboxShape = lazily(() => ({
  resources: z.optional(
    z.strictObject({
      cpu: z.optional(from(least.cpu)),
      memoryGiB: z.optional(from(least.memoryGiB)),
      processes: z.optional(
        from(least.processes).check(z.refine(Number.isInteger, { error: "a whole number" })),
      ),
    }),
  ),
  network: z.optional(z.strictObject({ blockAll: z.optional(z.boolean()) })),
}));

type Checked = BackendConfig & LocalSandboxOptions & { readonly isolation: Isolation };

export function checkLocalSandboxOptions(
  config: Checked,
): { readonly path: string; readonly expected: string } | undefined {
  const { resources, network, isolation } = config;
  if (isolation === "none" && resources !== undefined) {
    return { path: "resources", expected: "nothing with isolation `none`, which limits nothing" };
  }
  if (network?.blockAll !== true) return undefined;
  if (isolation === "none") {
    return {
      path: "network.blockAll",
      expected: "nothing with isolation `none`, whose network is this machine's",
    };
  }
  const remote = (["repoUrl", "dotfiles"] as const).find((name) => isRemote(config[name]));
  return remote === undefined
    ? undefined
    : {
        path: remote,
        expected:
          "nothing beside `network.blockAll` but a file:// URL of the sandbox's own: no other repository can be reached",
      };
}

function isRemote(url: string | undefined): boolean {
  return url !== undefined && new URL(url).protocol !== "file:";
}

/** A part of the fingerprint; empty where nothing was asked for. */
export function sandboxOptionsText({ resources, network }: LocalSandboxOptions): string {
  const limits = resources === undefined ? "" : ` resources ${JSON.stringify(resources)}`;
  return network?.blockAll === true ? `${limits} network none` : limits;
}

/** The options as the engine takes them. */
export function engineOptions({
  resources,
  network,
}: LocalSandboxOptions): Pick<EngineSandboxOptions, "limits" | "network"> {
  const { cpu, memoryGiB, processes } = resources ?? {};
  return {
    limits: {
      ...(cpu === undefined ? {} : { cpus: cpu }),
      ...(memoryGiB === undefined ? {} : { memoryBytes: Math.round(memoryGiB * gibibyte) }),
      ...(processes === undefined ? {} : { processes }),
    },
    network: network?.blockAll === true ? "none" : "host",
  };
}
