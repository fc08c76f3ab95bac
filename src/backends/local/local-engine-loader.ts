import { UnsupportedOperationError } from "../../contract/provider-errors.ts";

/** The engine as a module. */
export type EngineModule = typeof import("../../engine/index.ts");

/** Loads the engine; the only place that does. */
export function loadEngine(): Promise<EngineModule> {
  if (process.platform !== "linux") {
    throw new UnsupportedOperationError(
      `The local backend runs on Linux alone, and this is ${process.platform}. Use another backend, or run the host app on Linux (in WSL 2 or in a virtual machine).`,
    );
  }
  return import("../../engine/index.ts");
}
