import { LazyBackend } from "../../core/lazy/lazy-backend.ts";
import { importPart } from "../../core/lazy/loaded-later.ts";
import type { LoadedLocalBackend } from "./loaded-local-backend.ts";
import { localCapabilities } from "./local-capabilities.ts";
import { type LocalConfig, localDefaultWorkDir, resolveLocalConfig } from "./local-config.ts";

/** A sandbox of this machine, made by the local engine. It needs Linux, and no account. */
export class LocalBackend extends LazyBackend<LoadedLocalBackend> {
  /** @throws {@link ConfigError} that names what is wrong. No I/O, and nothing more is loaded yet. */
  constructor(config: LocalConfig) {
    const resolved = resolveLocalConfig(config, process.env);
    super({
      type: "local",
      workDir: resolved.workDir ?? localDefaultWorkDir(resolved),
      capabilities: localCapabilities(resolved),
      load: async () => {
        const part = await importPart(() => import("./loaded-local-backend.ts"));
        return new part.LoadedLocalBackend(resolved);
      },
    });
  }
}
