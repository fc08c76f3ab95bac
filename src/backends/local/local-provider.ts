import { LazyProvider } from "../../core/lazy/lazy-provider.ts";
import { importPart } from "../../core/lazy/loaded-later.ts";
import { type LocalProviderConfig, resolveLocalProviderConfig } from "./local-provider-config.ts";

/** The sandboxes of one folder of this machine. */
export class LocalProvider extends LazyProvider {
  /** @throws {@link ConfigError} that names what is wrong. No I/O, and nothing more is loaded yet. */
  constructor(config: LocalProviderConfig) {
    const resolved = resolveLocalProviderConfig(config, process.env);
    super("local", async () => {
      const part = await importPart(() => import("./loaded-local-provider.ts"));
      return new part.LoadedLocalProvider(resolved);
    });
  }
}
