import type { EngineProcess } from "../../engine/engine-types.ts";
import { entrypointSessionId, Sessions } from "../toolbox/session/sessions.ts";
import type { SandboxEntry } from "./sandbox-entry.ts";
import { TransitionFailure } from "./transition-failure.ts";

/** How long an entry point is watched before the sandbox counts as started. */
const watchMs = 1_000;

interface Surroundings {
  befall(entry: SandboxEntry, mishap: () => Promise<void>): void;
  endedByItself(entry: SandboxEntry): Promise<void>;
}

/**
 * Runs what the sandbox's image names as its entry point. Without one the session `entrypoint` begins when it is asked for.
 *
 * @throws TransitionFailure when the entry point is the first process and ends at once (text of the Daytona v0.190 runner).
 */
export async function startEntrypoint(
  entry: SandboxEntry,
  surroundings: Surroundings,
  isFirstProcess: boolean,
): Promise<void> {
  const { inside: engine, daemon, record } = entry;
  const { entrypoint } = record;
  if (!engine || !entrypoint || entrypoint.length === 0) return;
  if (!isFirstProcess) {
    await daemon.memory(Sessions).get({ entry, engine, daemon }, entrypointSessionId);
    return;
  }
  entry.runsEntrypointItself = true;
  const first = await engine.spawn(entrypoint).catch(() => undefined);
  if (first === undefined || (await endsWithin(first, watchMs))) {
    await engine.stop({ graceMs: 0 });
    throw new TransitionFailure({
      errorReason:
        "timeout waiting for the sandbox to start - please ensure that your entrypoint is long-running",
    });
  }
  first.unref();
  void first.exited.then(() => {
    if (!daemon.gone.aborted) {
      surroundings.befall(entry, () => surroundings.endedByItself(entry));
    }
  });
}

async function endsWithin(process: EngineProcess, ms: number): Promise<boolean> {
  process.stdin.end();
  process.stdout.resume();
  process.stderr.resume();
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([process.exited.then(() => true), limit]);
  } finally {
    clearTimeout(timer);
  }
}
