import { DaytonaBackend } from "./backends/daytona/daytona-backend.ts";
import type { DaytonaConfig } from "./backends/daytona/daytona-config.ts";
import { DaytonaProvider } from "./backends/daytona/daytona-provider.ts";
import type { DaytonaProviderConfig } from "./backends/daytona/daytona-provider-config.ts";
import { LocalBackend } from "./backends/local/local-backend.ts";
import type { LocalConfig } from "./backends/local/local-config.ts";
import { LocalProvider } from "./backends/local/local-provider.ts";
import type { LocalProviderConfig } from "./backends/local/local-provider-config.ts";
import type { BackendRef, ReconnectOptions } from "./contract/backend.ts";
import { ConfigError } from "./contract/provider-errors.ts";

/** From type string to config. A new backend is one line here and one in each of the maps below. */
export interface BackendConfigs {
  daytona: DaytonaConfig;
  local: LocalConfig;
}

/** From type string to class. */
export interface Backends {
  daytona: DaytonaBackend;
  local: LocalBackend;
}

/** From type string to the config of a provider: how it is reached, without anything about a single sandbox. */
export interface ProviderConfigs {
  daytona: DaytonaProviderConfig;
  local: LocalProviderConfig;
}

/** From type string to the provider's class. */
export interface Providers {
  daytona: DaytonaProvider;
  local: LocalProvider;
}

/** The type strings that {@link createBackend} and {@link createProvider} know. */
export type BackendType = keyof BackendConfigs;

const factories: {
  readonly [Type in BackendType]: (config: BackendConfigs[Type]) => Backends[Type];
} = {
  daytona: (config) => new DaytonaBackend(config),
  local: (config) => new LocalBackend(config),
};

const providerFactories: {
  readonly [Type in BackendType]: (config: ProviderConfigs[Type]) => Providers[Type];
} = {
  daytona: (config) => new DaytonaProvider(config),
  local: (config) => new LocalProvider(config),
};

/** The type strings that {@link createBackend} and {@link createProvider} know, sorted. */
export const backendTypes: readonly BackendType[] = ["daytona", "local"];

/**
 * Makes a backend. Synchronous, no I/O: the provider's SDK is loaded by the first request.
 *
 * @throws {@link ConfigError} for an unknown type, with the known ones, and for a wrong config, with the path and what was expected.
 */
export function createBackend<Type extends BackendType>(
  type: Type,
  config: BackendConfigs[Type] = {},
): Backends[Type] {
  checkType(type);
  return factories[type](config);
}

/**
 * Makes a provider: what needs no single sandbox, such as `list`, `sweep` and `doctor`. Synchronous, no I/O.
 *
 * @throws {@link ConfigError} for an unknown type, with the known ones, and for a wrong config, with the path and what was expected.
 */
export function createProvider<Type extends BackendType>(
  type: Type,
  config: ProviderConfigs[Type] = {},
): Providers[Type] {
  checkType(type);
  return providerFactories[type](config);
}

function checkType(type: string): void {
  if (Object.hasOwn(factories, type)) return;
  throw new ConfigError(
    `There is no backend of type ${JSON.stringify(type)}. Known types: ${backendTypes.join(", ")}.`,
    { path: "type" },
  );
}

/**
 * Makes a backend and connects it to an existing sandbox, by its ID, from any process.
 *
 * On failure the new backend is disposed of; the sandbox is left as it is.
 */
export async function reconnectBackend<Type extends BackendType>(
  type: Type,
  sandboxId: string,
  config?: BackendConfigs[Type],
  options?: ReconnectOptions,
): Promise<Backends[Type]>;
/** The same, from the `ref` of a backend. `config` holds what a ref does not: keys. */
export async function reconnectBackend(
  ref: BackendRef,
  config?: BackendConfigs[BackendType],
  options?: ReconnectOptions,
): Promise<Backends[BackendType]>;
export async function reconnectBackend(
  typeOrRef: string | BackendRef,
  idOrConfig?: unknown,
  configOrOptions?: unknown,
  lastOptions?: ReconnectOptions,
): Promise<Backends[BackendType]> {
  const isRef = typeof typeOrRef === "object";
  const ref = isRef ? checkRef(typeOrRef) : undefined;
  const type = (ref?.type ?? typeOrRef) as BackendType;
  const sandboxId = ref?.sandboxId ?? (idOrConfig as string);
  const given = (isRef ? idOrConfig : configOrOptions) as BackendConfigs[BackendType] | undefined;
  const options = isRef ? (configOrOptions as ReconnectOptions | undefined) : lastOptions;
  const backend = createBackend(type, ref === undefined ? given : { ...fromRef(ref), ...given });
  try {
    await backend.reconnect(sandboxId, options);
    return backend;
  } catch (error) {
    await backend[Symbol.asyncDispose]();
    throw error;
  }
}

function fromRef(ref: BackendRef): BackendConfigs[BackendType] {
  return {
    workDir: ref.workDir,
    ...(ref.organizationId === undefined ? {} : { organizationId: ref.organizationId }),
  };
}

function checkRef(ref: BackendRef | null): BackendRef {
  const isValid =
    ref !== null &&
    ref.version === 1 &&
    typeof ref.type === "string" &&
    typeof ref.sandboxId === "string" &&
    typeof ref.workDir === "string";
  if (!isValid) {
    throw new ConfigError(
      "`ref`: expected the `ref` of a backend, of version 1, with `type`, `sandboxId` and `workDir`.",
      { path: "ref" },
    );
  }
  return ref;
}
