import * as z from "zod/mini";
import { lazily } from "../../core/config/lazily.ts";
import { parseConfig } from "../../core/config/parse-config.ts";
import {
  type DaytonaConfig,
  daytonaAccessShape,
  type ResolvedDaytonaConfig,
  resolveDaytonaConfig,
} from "./daytona-config.ts";

/** Config of `createProvider("daytona", …)`: how Daytona is reached. */
export type DaytonaProviderConfig = Pick<
  DaytonaConfig,
  "apiKey" | "apiUrl" | "organizationId" | "target" | "sdk"
>;

const schema = lazily(() => z.strictObject(daytonaAccessShape()));

/** @throws {@link ConfigError} that names the path and what was expected. */
export function resolveDaytonaProviderConfig(
  config: DaytonaProviderConfig,
  environment: Readonly<Record<string, string | undefined>>,
): ResolvedDaytonaConfig {
  const checked = parseConfig(schema(), config, "The config of the daytona provider");
  return resolveDaytonaConfig(checked, environment);
}
