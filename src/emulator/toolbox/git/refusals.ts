import type { ToolboxCall } from "../toolbox-call.ts";
import { gitFailure } from "./git-failure.ts";

/** A failure of the remote that a fault asks for. */
export function refuseByFault(call: ToolboxCall): void {
  const effect = call.faults.strikeDaemon("git-failure", call.subject);
  if (effect) throw gitFailure(call, effect.kind, effect.message);
}

/** The library takes SSH keys from an agent alone, and a sandbox has none. */
export function refuseSsh(call: ToolboxCall, url: string): void {
  if (/^(ssh|git\+ssh|ssh\+git):\/\//.test(url) || /^[^/:]+@[^/:]+:/.test(url))
    throw gitFailure(
      call,
      "other",
      'error creating SSH agent: "SSH agent requested but SSH_AUTH_SOCK not-specified"',
    );
}
