import type { VolumeConfig } from "../../contract/config.ts";
import { ProtocolError, VolumeError } from "../../contract/provider-errors.ts";
import { retryIdempotent } from "../retry.ts";
import { createNonce } from "../sandbox-identity.ts";
import type { SandboxChannel } from "../transport.ts";

/**
 * Looks at the sandbox's own table of mounts, whatever the provider says: a volume that is not there would be noticed when the
 * files that went into an ordinary directory are gone with the sandbox.
 *
 * @throws {@link VolumeError} that names what is not mounted.
 */
export async function proveVolumes(
  channel: SandboxChannel,
  sandboxId: string,
  volumes: readonly VolumeConfig[] | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (volumes === undefined || volumes.length === 0) return;
  const nonce = createNonce();
  const script = `printf '${nonce}'; cat /proc/mounts; printf '${nonce}'`;
  const answer = await retryIdempotent(() => channel.runScript(script, { signal }), signal);
  const [, table] = answer.split(nonce);
  if (table === undefined) {
    throw new ProtocolError("The sandbox did not show its table of mounts.", { sandboxId });
  }
  const points = table.split("\n").map((line) => unescapePath(line.split(" ")[1] ?? ""));
  const missing = volumes.find(({ mountPath }) => !points.includes(mountPath));
  if (missing === undefined) return;
  throw new VolumeError(
    `The volume ${missing.name} is not mounted at ${missing.mountPath} in the sandbox.`,
    { operation: "setup", sandboxId },
  );
}

/** The kernel writes blanks and backslashes as octal escapes, byte by byte. */
function unescapePath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 8)),
  );
}
