import { SandboxStateError } from "../../contract/lifecycle-errors.ts";
import {
  AuthenticationError,
  ConfigError,
  PermissionError,
} from "../../contract/provider-errors.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import { delay } from "../delay.ts";
import { retryIdempotent, waitBeforeRetryMs } from "../retry.ts";
import { identityLabels, readIdentity } from "../sandbox-identity.ts";
import {
  NameTakenError,
  NotSentError,
  type SandboxRecord,
  type Transport,
  type TransportCall,
} from "../transport.ts";
import type { SetupRequest } from "./setup-request.ts";

/**
 * Intervals that end a sandbox whose host dies in the middle of its setup; the configured ones replace them in the last step.
 */
const deadManIdle = { autoStopMinutes: 15, autoDeleteMinutes: 60 } as const;

const createAttempts = 4;
/** How often a taken name is tried again while the sandbox that held it goes away. */
const nameTakenPollMs = 500;

/** What is known about this call's creation, also when it fails. */
export interface CreationFacts {
  /** True while a sandbox of this call may exist, or appear later, that nobody has seen yet. */
  mayAppear: boolean;
}

export interface ObtainedSandbox {
  readonly record: SandboxRecord;
  /** True when the sandbox existed before this call, which must then never delete it. */
  readonly adopted: boolean;
}

/**
 * Creates the sandbox, or adopts the one of the same owner and purpose. The unique name makes a lost answer harmless: the same
 * request is posted again, and whose sandbox it is, the nonce tells.
 */
export async function createOrAdopt(
  transport: Transport,
  request: SetupRequest,
  facts: CreationFacts,
  call: TransportCall,
): Promise<ObtainedSandbox> {
  for (let attempt = 0; ; attempt++) {
    const couldAppearBefore = facts.mayAppear;
    facts.mayAppear = true;
    try {
      const record = await transport.create(
        {
          name: request.name,
          labels: { ...request.labels, ...identityLabels(request.identity) },
          env: { ...request.env },
          idle: { ...request.idle, ...deadManIdle },
        },
        call,
      );
      return { record, adopted: false };
    } catch (error) {
      if (!call.signal.aborted && isAnswered(error)) facts.mayAppear = couldAppearBefore;
      if (isRefusedForGood(error) || call.signal.aborted) throw error;
      const existing = await retryIdempotent(() => transport.find(request.name, call), call.signal);
      if (existing !== undefined && existing.state !== "deleted") {
        const isOurs = readIdentity(existing.labels)?.nonce === request.identity.nonce;
        if (isOurs) return { record: existing, adopted: false };
        // A sandbox on its way out still holds its name; the name is free when it is gone.
        if (!isGoingAway(existing)) {
          checkAdoption(existing, request);
          return { record: existing, adopted: true };
        }
      }
      if (error instanceof NameTakenError) {
        await delay(nameTakenPollMs, call.signal);
        continue;
      }
      if (!SandboxError.is(error) || !error.retryable || attempt + 1 >= createAttempts) throw error;
      await delay(waitBeforeRetryMs(error, attempt), call.signal);
    }
  }
}

/** The provider said no, or was never reached: this attempt has created nothing that could appear later. */
function isAnswered(error: unknown): boolean {
  if (error instanceof NotSentError) return true;
  const isOpen =
    !SandboxError.is(error) ||
    ["CONNECTION_FAILED", "TIMEOUT", "ABORTED", "PROTOCOL"].includes(error.code);
  return !isOpen;
}

function isRefusedForGood(error: unknown): boolean {
  return (
    error instanceof AuthenticationError ||
    error instanceof PermissionError ||
    error instanceof ConfigError
  );
}

/** `stopping` covers both; only a deletion ends with the name free, and the next look tells which it was. */
function isGoingAway(record: SandboxRecord): boolean {
  return record.providerState.startsWith("destroy");
}

function checkAdoption(record: SandboxRecord, request: SetupRequest): void {
  const theirs = readIdentity(record.labels);
  const { owner, fingerprint } = request.identity;
  const refuse = (reason: string): never => {
    throw new SandboxStateError(
      `The name ${record.name} is taken by sandbox ${record.id}, and it is not adopted: ${reason}`,
      { operation: "setup", sandboxId: record.id, providerState: record.providerState },
    );
  };
  if (theirs === undefined) refuse("it was not made by this library.");
  if (owner === undefined) refuse("set `owner` to say which sandboxes are yours.");
  if (theirs?.owner !== owner) refuse("it belongs to another owner.");
  if (theirs?.fingerprint !== fingerprint) {
    refuse(
      "it was made for another repository, branch, commit, working directory or source. Tear it down first, or use another `name`.",
    );
  }
}
