import { LazyProvider } from "../../core/lazy/lazy-provider.ts";
import { importPart } from "../../core/lazy/loaded-later.ts";
import {
  type DaytonaProviderConfig,
  resolveDaytonaProviderConfig,
} from "./daytona-provider-config.ts";

/** A Daytona organisation: in its cloud, self-hosted, or on the emulator. */
export class DaytonaProvider extends LazyProvider {
  /** @throws {@link ConfigError} that names what is wrong. No I/O, and nothing more is loaded yet. */
  constructor(config: DaytonaProviderConfig) {
    const resolved = resolveDaytonaProviderConfig(config, process.env);
    super("daytona", async () => {
      const part = await importPart(() => import("./loaded-daytona-provider.ts"));
      return new part.LoadedDaytonaProvider(resolved);
    });
  }
}
