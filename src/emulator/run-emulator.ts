import { once } from "node:events";
import type { Writable } from "node:stream";
import type { DaytonaEmulatorOptions } from "./emulator-options.ts";
import { startDaytonaEmulator } from "./start-daytona-emulator.ts";

/** Runs an emulator until SIGINT or SIGTERM. Prints the environment that a Daytona client needs to use it. */
export async function runEmulator(
  options: DaytonaEmulatorOptions,
  output: Writable = process.stdout,
): Promise<void> {
  const stopped = new AbortController();
  const { signal } = stopped;
  const stop = () => stopped.abort();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  try {
    await using emulator = await startDaytonaEmulator(options);
    for (const [name, value] of Object.entries(emulator.environment))
      output.write(`${name}=${value}\n`);
    if (!signal.aborted) await once(signal, "abort");
  } finally {
    process.removeListener("SIGINT", stop);
    process.removeListener("SIGTERM", stop);
  }
}
