import assert from "node:assert/strict";
import { inspect } from "node:util";
import type { AgentError } from "../contract/agent-errors.ts";
import type {
  CommandFailedError,
  CommandTimeoutError,
  CompletionUnknownError,
  OutputLimitError,
  ProcessNotFoundError,
  WorkingDirectoryNotFoundError,
} from "../contract/command-errors.ts";
import type { FileAccessError, FileNotFoundError, GitError } from "../contract/file-errors.ts";
import type {
  AbortError,
  SandboxNotFoundError,
  SandboxStateError,
  SetupError,
  TimeoutError,
} from "../contract/lifecycle-errors.ts";
import type {
  ConfigError,
  SnapshotError,
  UnsupportedOperationError,
  VolumeError,
} from "../contract/provider-errors.ts";
import { SandboxError } from "../contract/sandbox-error.ts";

/** Errors by their code, because a second copy of the package makes `instanceof` false. */
export interface ErrorByCode {
  readonly ABORTED: AbortError;
  readonly AGENT_FAILED: AgentError;
  readonly COMMAND_FAILED: CommandFailedError;
  readonly COMMAND_TIMEOUT: CommandTimeoutError;
  readonly COMPLETION_UNKNOWN: CompletionUnknownError;
  readonly CONFIG_INVALID: ConfigError;
  readonly FILE_ACCESS: FileAccessError;
  readonly FILE_NOT_FOUND: FileNotFoundError;
  readonly GIT_FAILED: GitError;
  readonly OUTPUT_LIMIT: OutputLimitError;
  readonly PROCESS_NOT_FOUND: ProcessNotFoundError;
  readonly SANDBOX_NOT_FOUND: SandboxNotFoundError;
  readonly SANDBOX_STATE: SandboxStateError;
  readonly SETUP_FAILED: SetupError;
  readonly SNAPSHOT_FAILED: SnapshotError;
  readonly TIMEOUT: TimeoutError;
  readonly UNSUPPORTED_OPERATION: UnsupportedOperationError;
  readonly VOLUME_FAILED: VolumeError;
  readonly WORKING_DIRECTORY_NOT_FOUND: WorkingDirectoryNotFoundError;
}

/** What a promise rejected with; fails when it resolves. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  return assert.fail(`Expected a rejection, got ${inspect(value, { depth: 1 }).slice(0, 300)}`);
}

/** Fails unless this is an error of the library with that code. */
export function assertErrorCode<Code extends keyof ErrorByCode>(
  error: unknown,
  code: Code,
): asserts error is ErrorByCode[Code] {
  if (!SandboxError.is(error) || error.code !== code) {
    assert.fail(`Expected an error with code ${code}, got ${inspect(error, { depth: 3 })}`);
  }
}

/** All texts in which an error reaches a log or a screen. */
export function textsOf(error: unknown): string[] {
  const texts = [
    String(error),
    JSON.stringify(error) ?? "",
    inspect(error, { depth: 20, showHidden: true, maxStringLength: 1_000_000 }),
  ];
  if (error instanceof Error) {
    texts.push(error.message, error.stack ?? "");
    if (error.cause !== undefined) texts.push(...textsOf(error.cause));
  }
  return texts;
}

/** Fails when a secret shows in any form in which the error can be printed. */
export function assertShowsNoSecret(error: unknown, secrets: readonly string[]): void {
  const shown = textsOf(error);
  for (const [index, secret] of secrets.entries()) {
    const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString("base64")];
    // The message names the position alone: a failing suite must not print the secret either.
    const isShown = shown.some((text) => forms.some((form) => text.includes(form)));
    assert.ok(!isShown, `An error shows secret number ${index}`);
  }
}
