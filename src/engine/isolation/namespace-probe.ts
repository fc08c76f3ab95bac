import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { EngineError } from "../engine-error.ts";
import type { IsolationProbe } from "../engine-types.ts";
import { killUntilGone } from "../processes/kill-until-gone.ts";
import { identifyProcess, readBootId } from "../processes/process-identity.ts";
import { listProcesses } from "../processes/process-scan.ts";
import { ProgramStarter } from "../processes/program-starter.ts";
import { foldersOfTheDead, nameOfOwner, removeFolderOfTheDead } from "../state/owned-folders.ts";
import { removeTree } from "../state/remove-tree.ts";
import { sandboxFolder } from "../state/sandbox-folder.ts";
import type { SandboxRecord } from "../state/sandbox-record.ts";
import type { StoredSandbox } from "./confinement.ts";
import { explainFailure } from "./explain-failure.ts";
import { NamespaceConfinement } from "./namespace-confinement.ts";
import { keepsSandbox } from "./namespace-holder.ts";

const TRIAL_PREFIX = "probe-";

/**
 * Builds one sandbox in the directory, runs a program in it and takes it away again. Nothing less tells whether it works:
 * kernels, containers, file systems and security modules each refuse another part of it.
 */
export async function probeNamespaces(
  directory: string,
  signal?: AbortSignal,
): Promise<IsolationProbe> {
  if (process.platform !== "linux") {
    return {
      available: false,
      reason: `namespaces are a feature of Linux, and this is ${process.platform}`,
      advice: "run on Linux, or ask for isolation none",
    };
  }
  signal?.throwIfAborted();
  const trial = join(directory, `${TRIAL_PREFIX}${nameOfOwner()}`);
  try {
    await mkdir(join(trial, "sandboxes"), { recursive: true, mode: 0o700 });
  } catch (error) {
    return {
      available: false,
      reason: `the directory cannot be written (${(error as Error).message})`,
      advice: "choose another directory",
    };
  }
  const starter = await ProgramStarter.open(join(trial, "pipes"));
  try {
    const confinement = await NamespaceConfinement.open(trial, starter);
    const sandbox = trialSandbox(trial);
    try {
      await mkdir(sandbox.folder.path, { mode: 0o700 });
      const run = await confinement.create(sandbox);
      const program = { argv: ["true"], cwd: "/", env: {} };
      const spawned = await confinement.spawn({ ...sandbox, run }, program);
      for (const stream of [spawned.stdout, spawned.stderr]) stream.resume();
      const { exitCode, signal: killedBy } = await spawned.exited;
      if (exitCode !== 0) {
        throw new EngineError(
          "SANDBOX_START_FAILED",
          `the program "true" ended with ${String(exitCode ?? killedBy)} in a sandbox`,
        );
      }
    } finally {
      await confinement.kill(sandbox);
    }
    signal?.throwIfAborted();
    return { available: true };
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof EngineError)) throw error;
    return { available: false, ...(await explainFailure(error, directory)) };
  } finally {
    await starter.close();
    await removeTree(trial);
  }
}

/** Users and file systems for which this process has seen a sandbox live. */
const proven = new Set<string>();

/**
 * Probes once for each boot, user and directory, because it takes as long as making a sandbox; and not for a second directory of one file
 * system, since nothing else of a directory matters.
 */
export async function requireNamespaces(directory: string): Promise<void> {
  await removeTrialsOfTheDead(directory);
  const proof = join(directory, "namespaces-proven");
  const user = String(process.geteuid?.());
  const wanted = `${readBootId()} ${user}\n`;
  const known = `${user} ${(await stat(directory)).dev}`;
  if (proven.has(known) || (await readIfPresent(proof)) === wanted) return;
  const probe = await probeNamespaces(directory);
  if (!probe.available) {
    throw new EngineError(
      "ISOLATION_UNAVAILABLE",
      `Isolation by namespaces does not work here: ${probe.reason}. To change it: ${probe.advice}`,
    );
  }
  proven.add(known);
  await writeFile(proof, wanted, { mode: 0o600 });
}

/** A trial whose process was killed in its midst is left with the holder of its namespaces. */
async function removeTrialsOfTheDead(directory: string): Promise<void> {
  for (const trial of await foldersOfTheDead(directory, TRIAL_PREFIX)) {
    await killUntilGone(() => listProcesses().filter((pid) => keepsSandbox(pid, markerOf(trial))));
    await removeFolderOfTheDead(trial);
  }
}

/** Known to whoever finds the folder. */
function markerOf(trial: string): string {
  return basename(trial);
}

function trialSandbox(directory: string): StoredSandbox {
  const creator = identifyProcess(process.pid);
  if (!creator) throw new EngineError("STATE_UNREADABLE", "/proc is not readable");
  const record: SandboxRecord = {
    version: 1,
    id: "probe",
    isolation: "namespaces",
    createdAt: new Date().toISOString(),
    phase: "creating",
    creator,
    marker: markerOf(directory),
    env: {},
    metadata: {},
    run: null,
  };
  return { folder: sandboxFolder(directory, record.id), record };
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
