import type { CodeInterpreter } from "../../contract/code-interpreter.ts";
import { LazyBackend } from "../../core/lazy/lazy-backend.ts";
import { importPart } from "../../core/lazy/loaded-later.ts";
import { defaultWorkDir } from "../../core/work-dir.ts";
import { daytonaCapabilities } from "./daytona-capabilities.ts";
import { type DaytonaConfig, resolveDaytonaConfig } from "./daytona-config.ts";
import { LazyCodeInterpreter } from "./interpreter/lazy-code-interpreter.ts";
import type { LoadedDaytonaBackend } from "./loaded-daytona-backend.ts";

/** A sandbox of Daytona, in its cloud, self-hosted, or on the emulator. */
export class DaytonaBackend extends LazyBackend<LoadedDaytonaBackend> {
  /** Runs Python in an interpreter of the sandbox that keeps its variables. */
  readonly codeInterpreter: CodeInterpreter;

  /** @throws {@link ConfigError} that names what is wrong. No I/O, and nothing more is loaded yet. */
  constructor(config: DaytonaConfig) {
    const resolved = resolveDaytonaConfig(config, process.env);
    super({
      type: "daytona",
      workDir: resolved.workDir ?? defaultWorkDir,
      capabilities: daytonaCapabilities,
      load: async () => {
        const part = await importPart(() => import("./loaded-daytona-backend.ts"));
        return new part.LoadedDaytonaBackend(resolved);
      },
    });
    this.codeInterpreter = new LazyCodeInterpreter(
      async () => (await this.loaded()).codeInterpreter,
    );
  }

  /**
   * The SDK's own object of this sandbox, for what this library does not offer. Its type is the SDK's `Sandbox`; what is done
   * through it has none of this library's guarantees. Undefined before `setup` or `reconnect`.
   */
  async native(): Promise<unknown> {
    return (await this.loaded()).native();
  }
}
