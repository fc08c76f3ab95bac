import { ConfigError } from "../../contract/provider-errors.ts";
import { createNonce } from "../sandbox-identity.ts";
import type { SandboxChannel, Transport, TransportCall, UnmetOption } from "../transport.ts";

/**
 * Compares the sandbox with what was asked for: a provider may ignore an option, and what is built on it would go wrong much later.
 *
 * @throws {@link ConfigError} that names each difference.
 */
export async function checkAsked(
  transport: Transport,
  channel: SandboxChannel,
  sandboxId: string,
  call: TransportCall,
): Promise<void> {
  const { options, user } = transport.asked?.(sandboxId) ?? {};
  const unmet = [...(options ?? [])];
  if (user !== undefined && unmet.every(({ path }) => path !== "user")) {
    const actual = await userOfCommands(channel, call);
    if (actual !== user) unmet.push({ path: "user", asked: user, actual });
  }
  const [first] = unmet;
  if (first === undefined) return;
  throw new ConfigError(
    `The provider made the sandbox otherwise than asked. ${unmet.map(describe).join(" ")}`,
    { path: first.path, sandboxId },
  );
}

async function userOfCommands(channel: SandboxChannel, call: TransportCall): Promise<string> {
  const nonce = createNonce();
  const output = await channel.runScript(`printf '${nonce}%s${nonce}' "$(id -un)"`, call);
  return output.split(nonce)[1] ?? "unknown";
}

function describe({ path, asked, actual }: UnmetOption): string {
  return `\`${path}\`: ${asked} was asked for, and it is ${actual}.`;
}
