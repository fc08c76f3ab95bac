import type { BackendConfig, IdleConfig } from "../../contract/config.ts";
import { defaultAgentPort } from "../config/agent-config.ts";
import { completeIdle } from "../config/shared-config.ts";
import { volumesText } from "../config/volumes-config.ts";
import { createNonce, hashTexts, type SandboxIdentity, sandboxName } from "../sandbox-identity.ts";
import { isBelowHome } from "../work-dir.ts";

/** Everything that a `setup` decides before its first request. */
export interface SetupRequest {
  /** The sandbox's name at the provider. */
  readonly name: string;
  readonly identity: SandboxIdentity;
  readonly labels: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly idle: Required<IdleConfig>;
  readonly config: BackendConfig;
  /** Whether the sandbox begins with files of another one's. */
  readonly isFromSnapshot: boolean;
}

/**
 * @param source What the sandbox is made from, in a text of the provider's; a part of the fingerprint.
 */
export function prepareSetup(
  config: BackendConfig & { readonly workDir: string },
  source: string,
  isFromSnapshot: boolean,
): SetupRequest {
  const { workDir } = config;
  const volumes = volumesText(config.volumes);
  const identity: SandboxIdentity = {
    owner: config.owner,
    name: config.name,
    nonce: createNonce(),
    fingerprint: hashTexts([
      ...[config.repoUrl, config.branchName, config.commit, workDir, source],
      // Added where there are some, so that older fingerprints hold.
      ...(volumes === undefined ? [] : [volumes]),
    ]),
    workDir,
    agentPort: config.agent === undefined ? undefined : (config.agent.port ?? defaultAgentPort),
  };
  return {
    name: sandboxName(config.owner, config.name),
    identity,
    labels: { ...config.labels },
    env: {
      // A path below the home directory is not known yet; each command gets it then.
      ...(isBelowHome(workDir) ? {} : { WORKDIR: workDir }),
      TERM: "xterm-256color",
      ...config.env,
    },
    idle: completeIdle(config.idle),
    config,
    isFromSnapshot,
  };
}
