import * as z from "zod/mini";
import { lazily } from "../../core/config/lazily.ts";
import { parseConfig } from "../../core/config/parse-config.ts";
import {
  type LocalConfig,
  localPlaceShape,
  type ResolvedLocalConfig,
  resolveLocalConfig,
} from "./local-config.ts";

/** Config of `createProvider("local", …)`: where the sandboxes are. */
export type LocalProviderConfig = Pick<LocalConfig, "directory" | "isolation">;

const schema = lazily(() => z.strictObject(localPlaceShape()));

/** @throws {@link ConfigError} that names the path and what was expected. */
export function resolveLocalProviderConfig(
  config: LocalProviderConfig,
  environment: Readonly<Record<string, string | undefined>>,
): ResolvedLocalConfig {
  const checked = parseConfig(schema(), config, "The config of the local provider");
  return resolveLocalConfig(checked, environment);
}
