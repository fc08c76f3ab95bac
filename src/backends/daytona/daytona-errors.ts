import { SandboxStateError } from "../../contract/lifecycle-errors.ts";
import {
  AuthenticationError,
  CapacityError,
  ConfigError,
  ConnectionError,
  PermissionError,
  ProtocolError,
  QuotaError,
  type QuotaScope,
  RateLimitError,
  SnapshotError,
  VolumeError,
} from "../../contract/provider-errors.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import { NameTakenError, NotSentError } from "../../core/transport.ts";

/** Who answered: the control plane, or the proxy and daemon of one sandbox, whose statuses mean other things. */
export type DaytonaLayer = "api" | "toolbox";

interface ForeignFacts {
  readonly statusCode: number | undefined;
  readonly code: string | undefined;
  readonly message: string;
  readonly headers: unknown;
}

type Text = readonly [RegExp, (message: string, cause: unknown) => SandboxError];

const stateError = (message: string, cause: unknown, retryable: boolean): SandboxError =>
  new SandboxStateError(`Daytona: ${message}`, { cause, retryable });

function quota(pattern: RegExp, scope: QuotaScope, advice: string): Text {
  return [
    pattern,
    (message, cause) =>
      new QuotaError(
        `A limit of the Daytona organisation is reached: ${message.replace(/\.?$/, ".")} ${advice}`,
        { cause, scope },
      ),
  ];
}

/** Daytona answers 400 for all of these and tells them apart by words alone (v0.190, sandbox service). */
const badRequests: readonly Text[] = [
  quota(/snapshot quota exceeded/i, "snapshots", "Failed ones count as well; delete some."),
  quota(/volume quota exceeded/i, "volumes", "Delete some."),
  quota(/exceeds maximum allowed per sandbox/i, "sandbox", "Ask for less in `resources`."),
  quota(
    /limit exceeded|quota exceeded|resource limit reached/i,
    "organization",
    "Stopped sandboxes count as well; delete or archive some.",
  ),
  [
    /no available runners|no runners/i,
    (message, cause) =>
      new CapacityError(`Daytona has no machine free for this: ${message}`, {
        cause,
        retryable: true,
      }),
  ],
  [
    /snapshot .*(not found|is inactive|is pending|is building|is pulling|is error|is build_failed|is removing)/i,
    (message, cause) =>
      new SnapshotError(`Daytona cannot start from that snapshot: ${message}`, {
        cause,
        reason: /not found/i.test(message) ? "not-found" : "not-active",
      }),
  ],
  [
    /volume .*not in a ready state/i,
    (message, cause) => new VolumeError(`Daytona: ${message}`, { cause, retryable: true }),
  ],
  [/state change in progress/i, (message, cause) => stateError(message, cause, true)],
  [/errored state|failed to start/i, (message, cause) => stateError(message, cause, false)],
  [
    /not in (a )?(valid|stoppable) ?state|not in valid state|is not (started|stopped)/i,
    (message, cause) => stateError(message, cause, true),
  ],
];

/** Failures before a connection was made: the request has not begun at the other side. */
const notSent = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/;

/** Turns whatever the SDK, fetch or the network threw into an error of ours, by status, code and cause chain. */
export function classifyDaytonaError(error: unknown, layer: DaytonaLayer): SandboxError {
  if (SandboxError.is(error)) return error;
  const facts = readFacts(error);
  if (facts.statusCode === undefined) return withoutAnswer(error, facts);
  return layer === "api"
    ? fromApi(error, facts, facts.statusCode)
    : fromToolbox(error, facts, facts.statusCode);
}

function withoutAnswer(cause: unknown, facts: ForeignFacts): SandboxError {
  // The generated client asks for more about the sandbox of the answer, and a page that is no answer has no ID.
  if ((cause as { name?: unknown } | undefined)?.name === "RequiredError") {
    return new ProtocolError(
      "The address did not answer like Daytona's API. Check `apiUrl`: it ends in /api as a rule.",
      { cause },
    );
  }
  if (/region is missing/i.test(facts.message)) {
    return new ConfigError(
      "This Daytona server (0.190 is one) does not tell the region of its object storage, without which local files cannot be uploaded for an image. Set the environment variable AWS_REGION to it, such as us-east-1.",
      { cause },
    );
  }
  const shown = facts.message === "[object Object]" ? "no reason was given" : facts.message;
  if (notSent.test(facts.message) || (facts.code !== undefined && notSent.test(facts.code))) {
    return new NotSentError(`Daytona could not be reached: ${shown}`, { cause, retryable: true });
  }
  return new ConnectionError(`The connection to Daytona failed: ${shown}`, {
    cause,
    retryable: true,
  });
}

function fromApi(cause: unknown, facts: ForeignFacts, statusCode: number): SandboxError {
  const { message } = facts;
  switch (statusCode) {
    case 400: {
      const known = badRequests.find(([pattern]) => pattern.test(message));
      return (
        known?.[1](message, cause) ??
        new ConfigError(`Daytona refused the request: ${message}`, { cause })
      );
    }
    case 401:
      return new AuthenticationError(
        "Daytona does not accept the API key. Check `apiKey` (or DAYTONA_API_KEY) and that it belongs to this `apiUrl`.",
        { cause },
      );
    case 403:
      return new PermissionError(`The API key may not do this at Daytona: ${message}`, { cause });
    case 404:
      if (/^volume /i.test(message)) return new VolumeError(`Daytona: ${message}`, { cause });
      return new ConfigError(`Daytona does not know what was asked for: ${message}`, { cause });
    case 409:
      if (/already exists/i.test(message))
        return new NameTakenError(`Daytona: ${message}`, { cause });
      return stateError(message, cause, true);
    case 429:
      return rateLimited(cause, facts);
    default:
      return serverTrouble(cause, facts);
  }
}

function fromToolbox(cause: unknown, facts: ForeignFacts, statusCode: number): SandboxError {
  switch (statusCode) {
    case 429:
      return rateLimited(cause, facts);
    case 408:
    case 500:
    case 502:
    case 503:
    case 504:
      return serverTrouble(cause, facts);
    default:
      return new ProtocolError(
        `The sandbox's toolbox answered with status ${statusCode}: ${facts.message}`,
        { cause },
      );
  }
}

function serverTrouble(cause: unknown, facts: ForeignFacts): SandboxError {
  return new ConnectionError(`Daytona answered with status ${facts.statusCode}: ${facts.message}`, {
    cause,
    retryable: true,
  });
}

function rateLimited(cause: unknown, facts: ForeignFacts): SandboxError {
  return new RateLimitError("Daytona's rate limit is reached.", {
    cause,
    retryable: true,
    retryAfterMs: retryAfterMs(facts.headers),
  });
}

/** Daytona adds the throttler's name to the header: `Retry-After-sandbox-create: 12`, in seconds. */
function retryAfterMs(headers: unknown): number | undefined {
  if (typeof headers !== "object" || headers === null) return undefined;
  const seconds = Object.entries(headers)
    .filter(([name]) => name.toLowerCase().startsWith("retry-after"))
    .map(([, value]) => Number(value))
    .filter((value) => Number.isFinite(value) && value >= 0);
  return seconds.length === 0 ? undefined : Math.max(...seconds) * 1000;
}

function readFacts(error: unknown): ForeignFacts {
  const foreign = (typeof error === "object" && error !== null ? error : {}) as Record<
    string,
    unknown
  >;
  const message = typeof foreign.message === "string" ? foreign.message : String(error);
  return {
    statusCode: statusOf(foreign),
    code: findCode(error, 0),
    message: message.slice(0, 1_000),
    headers: foreign.headers,
  };
}

/** The client of the object storage keeps the status among its metadata. */
function statusOf({ statusCode, $metadata }: Record<string, unknown>): number | undefined {
  const inside = ($metadata as { httpStatusCode?: unknown } | undefined)?.httpStatusCode;
  return [statusCode, inside].find((value) => typeof value === "number");
}

/** `fetch` hides the reason one level down, and the SDK may wrap once more. */
function findCode(error: unknown, depth: number): string | undefined {
  if (typeof error !== "object" || error === null || depth > 4) return undefined;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return typeof code === "string" ? code : findCode(cause, depth + 1);
}
