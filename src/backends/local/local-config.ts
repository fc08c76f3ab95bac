import { homedir } from "node:os";
import { isAbsolute, join, normalize } from "node:path";
import * as z from "zod/mini";
import type { BackendConfig } from "../../contract/config.ts";
import { ConfigError } from "../../contract/provider-errors.ts";
import { lazily } from "../../core/config/lazily.ts";
import { parseConfig } from "../../core/config/parse-config.ts";
import { checkSharedOptions, sharedConfigShape } from "../../core/config/shared-config.ts";
import { checkVolumes } from "../../core/config/volumes-config.ts";
import { defaultWorkDir, isBelowHome } from "../../core/work-dir.ts";
import type { Isolation } from "../../engine/engine-types.ts";

import {
  checkLocalSandboxOptions,
  type LocalSandboxOptions,
  localSandboxShape,
  sandboxOptionsText,
} from "./local-sandbox-options.ts";

/** Config of `createBackend("local", …)`. It has no `idle`: nothing runs that could count idle time while no host does. */
export interface LocalConfig extends Omit<BackendConfig, "idle">, LocalSandboxOptions {
  /**
   * Absolute path of the folder that holds the sandboxes, on a file system of this machine that can hold an overlay (not on
   * overlayfs, so a volume in a container). Default: the environment variable `SANDBOX_BACKEND_LOCAL_DIRECTORY`, else
   * `sandbox-backend` below `$XDG_STATE_HOME` or `~/.local/state`.
   */
  readonly directory?: string | undefined;
  /**
   * What separates the sandbox from this machine. `none` protects nothing: its commands are ordinary processes of this machine.
   * Default: `namespaces`, which never becomes `none` by itself.
   */
  readonly isolation?: Isolation | undefined;
  /** Name or ID of a snapshot to begin from, which was made with the same `directory` and `isolation`. */
  readonly snapshot?: string | undefined;
}

const directoryVariable = "SANDBOX_BACKEND_LOCAL_DIRECTORY";
const expectedDirectory = "an absolute path of this machine other than /";

/** Where the sandboxes are: the options that a backend and a provider share. */
export const localPlaceShape = lazily(() => ({
  directory: z.optional(z.string().check(z.refine(isDirectory, { error: expectedDirectory }))),
  isolation: z.optional(z.enum(["namespaces", "none"])),
}));

export const localConfigSchema = lazily(() =>
  z.strictObject({
    ...sharedConfigShape(),
    ...localPlaceShape(),
    ...localSandboxShape(),
    snapshot: z.optional(
      z.string().check(
        z.refine((text) => text.trim() !== "" && !text.includes("\0"), {
          error: "the name or the ID of a snapshot",
        }),
      ),
    ),
  }),
);

/** A checked config with everything that the environment decides filled in. */
export interface ResolvedLocalConfig extends LocalConfig {
  readonly directory: string;
  readonly isolation: Isolation;
}

/**
 * Checks a config and fills in the environment.
 *
 * @throws {@link ConfigError} that names the path and what was expected.
 */
export function resolveLocalConfig(
  config: LocalConfig,
  environment: Readonly<Record<string, string | undefined>>,
): ResolvedLocalConfig {
  const checked = parseConfig(localConfigSchema(), config, "The config of the local backend");
  const { idle, ...options } = checked;
  const directory = options.directory ?? defaultDirectory(environment);
  const isolation = options.isolation ?? "namespaces";
  const resolved = { ...options, directory: normalize(directory), isolation };
  const problem =
    checkSharedOptions(checked) ??
    (idle === undefined ? undefined : withoutIdleTimes) ??
    checkWorkDir(resolved) ??
    checkVolumes(resolved) ??
    checkMounting(resolved) ??
    checkLocalSandboxOptions(resolved);
  if (problem !== undefined) {
    throw new ConfigError(
      `The config of the local backend is wrong. \`${problem.path}\`: expected ${problem.expected}.`,
      { path: problem.path },
    );
  }
  return resolved;
}

const withoutIdleTimes = {
  path: "idle",
  expected:
    "nothing: no idle time is counted on this machine, and `capabilities.idleTimeouts` is false",
};

/**
 * Without isolation an absolute path is one of this machine's. One in the sandbox's own folder is what `ref` holds and is good
 * for `reconnect`.
 */
function checkWorkDir({
  workDir,
  isolation,
  directory,
}: ResolvedLocalConfig): { path: string; expected: string } | undefined {
  if (isolation !== "none" || workDir === undefined || isBelowHome(workDir)) return undefined;
  if (workDir.startsWith(join(directory, "/"))) return undefined;
  return {
    path: "workDir",
    expected:
      "a path that begins with ~/, such as ~/workspace: with isolation `none` another one would be this machine's own",
  };
}

/** Without isolation there is one tree of files for all. */
function checkMounting({
  volumes = [],
  isolation,
}: ResolvedLocalConfig): { path: string; expected: string } | undefined {
  if (volumes.length === 0 || isolation !== "none") return undefined;
  return {
    path: "volumes",
    expected:
      "nothing with isolation `none`: what is mounted there would be mounted for the whole machine",
  };
}

/** Where the repository goes when the config does not say. */
export function localDefaultWorkDir({ isolation }: ResolvedLocalConfig): string {
  return isolation === "none" ? "~/workspace" : defaultWorkDir;
}

function defaultDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  const given = environment[directoryVariable];
  if (given !== undefined && given !== "") {
    if (isDirectory(given)) return given;
    throw new ConfigError(
      `The environment variable ${directoryVariable}, for \`directory\`: expected ${expectedDirectory}.`,
      { path: "directory" },
    );
  }
  const stateHome = environment.XDG_STATE_HOME;
  // The specification of that variable wants a relative path to be ignored.
  const parent =
    stateHome !== undefined && isAbsolute(stateHome)
      ? stateHome
      : join(environment.HOME || homedir(), ".local/state");
  return join(parent, "sandbox-backend");
}

function isDirectory(path: string): boolean {
  return isAbsolute(path) && !path.includes("\0") && normalize(path) !== "/";
}

/** What the sandbox is made from, for the fingerprint. */
export function sourceText(config: ResolvedLocalConfig): string {
  const { isolation, snapshot } = config;
  const source = snapshot === undefined ? "" : ` snapshot ${snapshot}`;
  return `local ${isolation}${source}${sandboxOptionsText(config)}`;
}
