import { FileAccessError } from "../../contract/file-errors.ts";
import { type FirstAnswer, type FirstWords, proveThatItAnswers } from "../setup/prove-answer.ts";
import type { SandboxChannel, Transport } from "../transport.ts";
import { type Secrets, secretsMemoryPath } from "./secrets-file.ts";

/** What a first script is to do about secrets. */
export function firstWords(
  transport: Transport,
  sandboxId: string,
  secrets: Secrets | undefined,
): FirstWords {
  return {
    secrets,
    secretsMemoryPath: transport.sharesMemory === true ? undefined : secretsMemoryPath(sandboxId),
  };
}

/** @throws {@link FileAccessError} when the secrets that were to be put into the sandbox are not there. */
export function checkSecretsPlaced(first: FirstAnswer, secrets: Secrets | undefined): void {
  if (secrets === undefined) return;
  const { place, names } = first.secrets;
  if (place !== "none" && Object.keys(secrets).every((name) => names.includes(name))) return;
  throw new FileAccessError(
    "The secrets could be written neither to the sandbox's memory (/dev/shm) nor to its private folder.",
    { path: "/dev/shm", reason: "other" },
  );
}

/** Proves that a sandbox answers, and puts back the secrets of the config, which a stop has taken. */
export async function greetWithSecrets(
  transport: Transport,
  channel: SandboxChannel,
  sandboxId: string,
  secrets: Secrets | undefined,
  signal: AbortSignal,
): Promise<FirstAnswer> {
  const words = firstWords(transport, sandboxId, secrets);
  const first = await proveThatItAnswers(channel, words, signal);
  checkSecretsPlaced(first, secrets);
  return first;
}
