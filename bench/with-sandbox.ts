import { Daytona, type Sandbox } from "@daytonaio/sdk";
import type { DaytonaBackend } from "../src/backends/daytona/daytona-backend.ts";
import { createBackend } from "../src/create-backend.ts";
import {
  type DaytonaEmulator,
  type DaytonaEmulatorOptions,
  startDaytonaEmulator,
} from "../src/emulator/index.ts";

/** One sandbox of an emulator, seen by this library and by the raw SDK. */
export interface MeasuredSandbox {
  readonly emulator: DaytonaEmulator;
  readonly backend: DaytonaBackend;
  readonly raw: Sandbox;
}

/** Measures in a sandbox of its own, with the best isolation that this machine has, and takes everything away afterwards. */
export async function withSandbox<Value>(
  latencyMs: number,
  measure: (sandbox: MeasuredSandbox) => Promise<Value>,
): Promise<Value> {
  const { emulator, workDir } = await startMeasuredEmulator({ latencyMs });
  await using _emulator = emulator;
  const { apiKey, url: apiUrl } = emulator;
  await using backend = createBackend("daytona", { apiKey, apiUrl, workDir });
  await backend.setup();
  try {
    await using sdk = new Daytona({ apiKey, apiUrl, target: "us" });
    return await measure({ emulator, backend, raw: await sdk.get(backend.sandboxId ?? "") });
  } finally {
    await backend.teardown();
  }
}

/** An emulator with the best isolation that this machine has. */
export async function startMeasuredEmulator(
  options: Pick<DaytonaEmulatorOptions, "latencyMs">,
): Promise<{ emulator: DaytonaEmulator; workDir: string | undefined }> {
  try {
    return { emulator: await startDaytonaEmulator(options), workDir: undefined };
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ISOLATION_UNAVAILABLE") throw error;
    console.log(`Without isolation, since this machine refuses it: ${(error as Error).message}`);
    return {
      emulator: await startDaytonaEmulator({ ...options, isolation: "none" }),
      workDir: "~/workspace",
    };
  }
}
