import { abortCases } from "./abort.ts";
import { agentCases } from "./agent.ts";
import { capabilityCases } from "./capabilities.ts";
import { configCases } from "./config.ts";
import { Conformance } from "./conformance.ts";
import type { ConformanceOptions } from "./conformance-options.ts";
import { dotfilesCases } from "./dotfiles.ts";
import { errorCases } from "./errors.ts";
import { execCases } from "./exec.ts";
import { execArgumentCases } from "./exec-arguments.ts";
import { execEnvironmentCases } from "./exec-environment.ts";
import { execInputCases } from "./exec-input.ts";
import { execLimitCases } from "./exec-limits.ts";
import { execOutputCases } from "./exec-output.ts";
import { fileNameCases } from "./file-names.ts";
import { fileTreeCases } from "./file-tree.ts";
import { fileCases } from "./files.ts";
import { gitCases } from "./git.ts";
import { gitCredentialCases } from "./git-credentials.ts";
import { leakCases } from "./leaks.ts";
import { lifecycleCases } from "./lifecycle.ts";
import { previewCases } from "./preview.ts";
import { ptyCases } from "./pty.ts";
import { ptyAttachCases } from "./pty-attach.ts";
import { reconnectCases } from "./reconnect.ts";
import { secretCases } from "./secrets.ts";
import { setupCases } from "./setup.ts";
import { setupFailureCases } from "./setup-failures.ts";
import { snapshotCases } from "./snapshots.ts";
import { spawnCases } from "./spawn.ts";
import { spawnAttachCases } from "./spawn-attach.ts";
import { stateCases } from "./states.ts";
import { volumeCases } from "./volumes.ts";

/**
 * Registers the cases that every backend must pass: {@link Backend} as its docstrings describe it, from the outside.
 *
 * Nothing runs before the test runner runs the cases. Each case can run alone; they share one sandbox where they do not
 * disturb each other, and the last one counts what is left at the provider.
 *
 * @returns How many cases were registered to run, and how many were skipped with their reasons. A case may still find out in
 * the sandbox that it cannot run there; the runner counts those.
 */
export function testBackendConformance(options: ConformanceOptions): {
  readonly cases: number;
  readonly skipped: number;
} {
  const conformance = new Conformance(options);
  configCases(conformance);
  capabilityCases(conformance);
  execCases(conformance);
  execArgumentCases(conformance);
  execOutputCases(conformance);
  execEnvironmentCases(conformance);
  execLimitCases(conformance);
  execInputCases(conformance);
  spawnCases(conformance);
  spawnAttachCases(conformance);
  ptyCases(conformance);
  ptyAttachCases(conformance);
  fileCases(conformance);
  fileTreeCases(conformance);
  fileNameCases(conformance);
  abortCases(conformance);
  errorCases(conformance);
  previewCases(conformance);
  stateCases(conformance);
  lifecycleCases(conformance);
  reconnectCases(conformance);
  setupCases(conformance);
  setupFailureCases(conformance);
  gitCases(conformance);
  gitCredentialCases(conformance);
  agentCases(conformance);
  secretCases(conformance);
  dotfilesCases(conformance);
  volumeCases(conformance);
  snapshotCases(conformance);
  // Last: it counts what the others left.
  leakCases(conformance);
  options.afterAll?.(() => conformance.releaseAll());
  return { cases: conformance.cases, skipped: conformance.skipped };
}
