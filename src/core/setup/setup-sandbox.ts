import {
  AbortError,
  type LeakedSandbox,
  SandboxNotFoundError,
  SetupError,
  TimeoutError,
} from "../../contract/lifecycle-errors.ts";
import type { PreviewAddress } from "../../contract/preview.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import type { SetupEvent } from "../../contract/setup-events.ts";
import type { RunningAgent } from "../agent/sandbox-agent.ts";
import { followingBuild } from "../builds/following-build.ts";
import { CommandRunner } from "../commands/command-runner.ts";
import type { Deadline } from "../deadline.ts";
import { installDotfiles } from "../dotfiles/install-dotfiles.ts";
import { GuardedChannel } from "../guarded-channel.ts";
import { ensureRunning } from "../lifecycle/ensure-running.ts";
import { retryIdempotent } from "../retry.ts";
import type { SandboxRecord, Transport } from "../transport.ts";
import { resolveWorkDir } from "../work-dir.ts";
import { clearForeignRecords } from "./clear-foreign-records.ts";
import { type CreationFacts, createOrAdopt, type ObtainedSandbox } from "./create-or-adopt.ts";
import { greet } from "./greet.ts";
import { prepareWorkDir } from "./prepare-work-dir.ts";
import type { SandboxFacts } from "./prove-answer.ts";
import { proveEntrypoint } from "./prove-entrypoint.ts";
import { runTogether } from "./run-together.ts";
import { SetupProgress } from "./setup-progress.ts";
import type { SetupRequest } from "./setup-request.ts";
import { beginToLoad, startAgent } from "./start-agent.ts";
import { undoCreate } from "./undo-create.ts";
import { whetherStopped } from "./whether-stopped.ts";

export interface ReadySandbox {
  readonly record: SandboxRecord;
  readonly facts: SandboxFacts;
  readonly agent: PreviewAddress | undefined;
}

/** A late answer of a lost creation is waited for at least so long before its name is reported as leaked. */
const lateSandboxMs = 60_000;
const defaultCleanupMs = 30_000;

/**
 * Creates a sandbox and makes it ready, or leaves nothing behind.
 *
 * @throws {@link SetupError}, {@link TimeoutError} or {@link AbortError}, with what could not be taken back in `leaked`.
 */
export async function setupSandbox(
  transport: Transport,
  request: SetupRequest,
  deadline: Deadline,
  onEvent: ((event: SetupEvent) => void) | undefined,
): Promise<ReadySandbox> {
  // What cannot be read on this machine is told before there is a sandbox.
  const program = await beginToLoad(request.config.agent?.source, deadline.signal);
  const progress = new SetupProgress(onEvent);
  const creation: CreationFacts = { mayAppear: false };
  let created: SandboxRecord | undefined;
  const call = { signal: deadline.signal };
  try {
    const record = await obtainRunning(
      () =>
        progress.step("create", async () => {
          const result = await createOrAdopt(transport, request, creation, call, progress.replaced);
          creation.mayAppear = false;
          if (!result.adopted) created = result.record;
          progress.found(result.record, result.adopted);
          return result;
        }),
      (found) =>
        progress.step("wait", async () => {
          // The answer to the creation has said so, and the next step proves it.
          if (found.state === "running" && created?.id === found.id) {
            progress.state(found);
            return found;
          }
          const { id } = found;
          return followingBuild(transport, id, deadline.signal, progress.buildLog, (onState) =>
            ensureRunning(transport, id, {
              operation: "setup",
              signal: deadline.signal,
              start: true,
              onState: (record) => {
                progress.state(record);
                onState(record);
              },
            }),
          );
        }),
    );
    const { id } = record;
    const channel = new GuardedChannel(transport, id);
    const { config, identity } = request;
    const runner = new CommandRunner({ channel, sandboxId: id });
    let facts: SandboxFacts | undefined;
    let agent: RunningAgent | undefined;
    if (request.isFromSnapshot) {
      // Before anything of this sandbox's own is there.
      await clearForeignRecords(channel, id, deadline.signal);
    }
    await runTogether(deadline.signal, (signal) => {
      const greeted = greet({ transport, channel, sandboxId: id, config, progress }, signal);
      const workDir = greeted.then((first) => {
        facts = first;
        return resolveWorkDir(identity.workDir, first.homeDirectory);
      });
      const cloned = progress.step(config.repoUrl === undefined ? "workDir" : "clone", () =>
        prepareWorkDir(runner, request, workDir, deadline, signal),
      );
      const parts = { transport, channel, runner, config, program, greeted, workDir, cloned };
      return [
        greeted,
        workDir,
        cloned,
        created?.id === id && transport.findEndedEntrypoint !== undefined
          ? greeted.then(() =>
              progress.afterwards("probe", () => proveEntrypoint(transport, id, signal)),
            )
          : undefined,
        config.dotfiles === undefined
          ? undefined
          : progress.step("dotfiles", async () => {
              await greeted;
              await installDotfiles(runner, config, progress, deadline, signal);
            }),
        config.agent === undefined
          ? undefined
          : progress.step("agent", async () => {
              agent = await startAgent(parts, identity.workDir, signal);
            }),
      ];
    });
    await runTogether(deadline.signal, (signal) => [
      // Of an adopted sandbox too: the host that made it may have died before this step.
      progress.step("finish", () =>
        retryIdempotent(() => transport.setIdle(id, request.idle, { signal }), signal),
      ),
      agent === undefined
        ? undefined
        : progress.afterwards("agent", async () => agent?.confirm(signal)),
    ]);
    if (facts === undefined) throw new Error("setup goes on without an answer");
    return { record, facts, agent: agent?.address };
  } catch (error) {
    const cause = await whetherStopped(error, transport, created, call);
    const leaked = await takeBack(transport, request, created, creation);
    throw explainFailure(cause, progress, deadline, created?.id, leaked);
  }
}

/** A sandbox that was adopted may have been given up by its creator in the same moment; then another one is made. */
async function obtainRunning(
  obtain: () => Promise<ObtainedSandbox>,
  bringToRun: (record: SandboxRecord) => Promise<SandboxRecord>,
): Promise<SandboxRecord> {
  for (;;) {
    const { record, adopted } = await obtain();
    try {
      return await bringToRun(record);
    } catch (error) {
      if (!adopted || !(error instanceof SandboxNotFoundError)) throw error;
    }
  }
}

async function takeBack(
  transport: Transport,
  request: SetupRequest,
  created: SandboxRecord | undefined,
  facts: CreationFacts,
): Promise<LeakedSandbox[]> {
  const cleanupMs = request.config.cleanupTimeoutMs ?? defaultCleanupMs;
  if (created !== undefined) {
    if (request.config.keepOnFailure === true) {
      return [{ id: created.id, name: created.name, state: created.providerState }];
    }
    return undoCreate(transport, request, created, cleanupMs);
  }
  if (!facts.mayAppear) return [];
  const lookMs = request.config.cleanupTimeoutMs ?? lateSandboxMs;
  return undoCreate(transport, request, undefined, lookMs);
}

function explainFailure(
  error: unknown,
  progress: SetupProgress,
  deadline: Deadline,
  sandboxId: string | undefined,
  leaked: readonly LeakedSandbox[],
): SandboxError {
  const left =
    leaked.length === 0
      ? "Nothing is left at the provider."
      : `Left at the provider: ${leaked.map(({ id, name, state }) => `${name} (id ${id ?? "unknown"}, state ${state ?? "unknown"})`).join(", ")}.`;
  const shared = { operation: "setup", sandboxId, leaked };
  if (deadline.reason instanceof AbortError) {
    return new AbortError(`setup was aborted in step ${progress.interruptedSteps}. ${left}`, {
      ...shared,
      cause: deadline.reason.cause,
    });
  }
  if (deadline.reason instanceof TimeoutError) {
    return new TimeoutError(
      `setup took longer than ${deadline.timeoutMs} ms; it was in step ${progress.interruptedSteps}. ${left}`,
      { ...shared, timeoutMs: deadline.timeoutMs, retryable: true },
    );
  }
  const step = progress.failedStep;
  // A refused creation is the provider's own answer, and the class of that error says all.
  if (step === "create" && leaked.length === 0 && SandboxError.is(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new SetupError(`setup failed in step ${step}: ${message} ${left}`, {
    ...shared,
    step,
    cause: error,
    retryable: SandboxError.is(error) && error.retryable,
  });
}
