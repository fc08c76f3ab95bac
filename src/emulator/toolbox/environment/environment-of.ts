import type { SandboxRecord } from "../../state/sandbox-record.ts";
import type { ToolboxDaemon } from "../daemon/toolbox-daemon.ts";
import { DaemonEnvironment } from "./daemon-environment.ts";

class Kept {
  environment: DaemonEnvironment | undefined;
}

/** The environment of this daemon, which begins with the placeholders of the sandbox's secrets. */
export function environmentOf(
  daemon: ToolboxDaemon,
  { secretPlaceholders = {} }: SandboxRecord,
): DaemonEnvironment {
  const kept = daemon.memory(Kept);
  if (kept.environment === undefined) {
    kept.environment = new DaemonEnvironment();
    kept.environment.change({ set: secretPlaceholders, unset: [] }, {});
  }
  return kept.environment;
}
