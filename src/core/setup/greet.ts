import type { BackendConfig } from "../../contract/config.ts";
import { checkSecretsPlaced, firstWords } from "../secrets/place-secrets.ts";
import type { SandboxChannel, Transport } from "../transport.ts";
import { checkAsked } from "./check-asked.ts";
import { type FirstAnswer, proveThatItAnswers } from "./prove-answer.ts";
import { proveVolumes } from "./prove-volumes.ts";
import type { SetupProgress } from "./setup-progress.ts";

/** The steps of a setup by which a sandbox is known to be the one that was asked for. */
export async function greet(
  parts: {
    readonly transport: Transport;
    readonly channel: SandboxChannel;
    readonly sandboxId: string;
    readonly config: BackendConfig;
    readonly progress: SetupProgress;
  },
  signal: AbortSignal,
): Promise<FirstAnswer> {
  const { transport, channel, sandboxId, config, progress } = parts;
  const { secrets, volumes } = config;
  const first = await progress.step("probe", () =>
    proveThatItAnswers(channel, firstWords(transport, sandboxId, secrets), signal),
  );
  // Beside other steps that have begun by now.
  await progress.afterwards("probe", () => checkAsked(transport, channel, sandboxId, { signal }));
  if (secrets !== undefined) {
    await progress.step("secrets", async () => checkSecretsPlaced(first, secrets));
  }
  if (volumes?.length) {
    await progress.step("volumes", () => proveVolumes(channel, sandboxId, volumes, signal));
  }
  return first;
}
