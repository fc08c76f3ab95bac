import {
  type DaytonaEmulator,
  type DaytonaEmulatorOptions,
  startDaytonaEmulator,
} from "../../src/emulator/index.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";

let probed: ReturnType<typeof LocalEngine.probe> | undefined;

/** An emulator with the best isolation that this machine has. */
export async function startEmulator(
  options: DaytonaEmulatorOptions = {},
): Promise<DaytonaEmulator> {
  probed ??= LocalEngine.probe();
  const { available } = await probed;
  return startDaytonaEmulator({ isolation: available ? "namespaces" : "none", ...options });
}
