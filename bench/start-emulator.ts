import { type DaytonaEmulator, startDaytonaEmulator } from "../src/emulator/index.ts";

/** An emulator with the best isolation that this machine has, and the working directory that goes with it. */
export async function startEmulator(
  latencyMs: number,
): Promise<{ emulator: DaytonaEmulator; workDir: string | undefined }> {
  try {
    return { emulator: await startDaytonaEmulator({ latencyMs }), workDir: undefined };
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ISOLATION_UNAVAILABLE") throw error;
    console.log(`Without isolation, since this machine refuses it: ${(error as Error).message}`);
    return {
      emulator: await startDaytonaEmulator({ latencyMs, isolation: "none" }),
      workDir: "~/workspace",
    };
  }
}
