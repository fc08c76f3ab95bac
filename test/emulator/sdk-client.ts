import { Daytona } from "@daytonaio/sdk";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";

/** The official SDK, pointed at the emulator. It polls, so that no socket outlives a test. */
export function sdkClient(emulator: DaytonaEmulator, apiKey = emulator.apiKey): Daytona {
  return new Daytona({ apiKey, apiUrl: emulator.url, target: "us", useDeprecatedPolling: true });
}
