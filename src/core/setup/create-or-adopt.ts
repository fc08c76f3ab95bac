import { SandboxStateError } from "../../contract/lifecycle-errors.ts";
import {
  AuthenticationError,
  ConfigError,
  PermissionError,
  ProtocolError,
} from "../../contract/provider-errors.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import { delay } from "../delay.ts";
import { isGoingAway } from "../lifecycle/find-sandbox.ts";
import { namingHolders } from "../lifecycle/quota-holders.ts";
import { retryIdempotent, waitBeforeRetryMs } from "../retry.ts";
import { identityLabels, readIdentity } from "../sandbox-identity.ts";
import {
  NameTakenError,
  NotSentError,
  type SandboxRecord,
  type Transport,
  type TransportCall,
} from "../transport.ts";
import { adopt } from "./adopt.ts";
import { replaceBroken } from "./replace-broken.ts";
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
  onReplace: (record: SandboxRecord) => void,
): Promise<ObtainedSandbox> {
  for (let failures = 0; ; ) {
    const couldAppearBefore = facts.mayAppear;
    try {
      const record = await transport.create(
        {
          name: request.name,
          labels: { ...request.labels, ...identityLabels(request.identity) },
          env: { ...request.env },
          idle: { ...request.idle, ...deadManIdle },
        },
        call,
        () => {
          facts.mayAppear = true;
        },
      );
      return { record, adopted: false };
    } catch (error) {
      if (!call.signal.aborted && hasCreatedNothing(error)) facts.mayAppear = couldAppearBefore;
      if (isRefusedForGood(error) || call.signal.aborted) throw error;
      const existing = await retryIdempotent(
        () => transport.find(request.name, call),
        call.signal,
      ).catch((again: unknown) => {
        // Neither answer makes sense: nothing that creates sandboxes is at this address.
        const isElsewhere = error instanceof ProtocolError && again instanceof ProtocolError;
        if (isElsewhere) facts.mayAppear = couldAppearBefore;
        throw again;
      });
      // A sandbox on its way out still holds its name; the name is free when it is gone.
      if (existing !== undefined && !isGoingAway(existing)) {
        const isOurs = readIdentity(existing.labels)?.nonce === request.identity.nonce;
        if (isOurs) return { record: existing, adopted: false };
        if (await replaceBroken(transport, existing, request, call, onReplace)) continue;
        if (await adopt(transport, existing, request, call)) {
          return { record: existing, adopted: true };
        }
      }
      if (error instanceof NameTakenError) {
        await delay(nameTakenPollMs, call.signal);
        continue;
      }
      failures++;
      if (!SandboxError.is(error) || !error.retryable || failures >= createAttempts) {
        throw await namingHolders(error, transport, call);
      }
      await delay(waitBeforeRetryMs(error, failures - 1), call.signal);
    }
  }
}

/**
 * The provider said no, or was never reached, so nothing of this attempt can appear later. No such proof is the answer that the
 * sandbox has failed to start, which names a state: that sandbox exists.
 */
function hasCreatedNothing(error: unknown): boolean {
  if (error instanceof NotSentError || error instanceof NameTakenError) return true;
  const isOpen =
    !SandboxError.is(error) ||
    error instanceof SandboxStateError ||
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
