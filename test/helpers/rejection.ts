import { inspect } from "node:util";
import type { ExpectStatic } from "vitest";
import type { SandboxError, SandboxErrorCode } from "../../src/index.ts";

type ErrorClass<Failure extends SandboxError> = abstract new (...args: never[]) => Failure;

/** What a rejection must be, beside its class. */
export interface RejectionFacts {
  readonly code: SandboxErrorCode;
  readonly operation: string;
  readonly sandboxId?: string | undefined;
  readonly retryable?: boolean;
}

/** The error that the promise rejects with, of exactly that class and with these facts. */
export async function rejection<Failure extends SandboxError>(
  expect: ExpectStatic,
  promise: Promise<unknown>,
  errorClass: ErrorClass<Failure>,
  facts: RejectionFacts,
): Promise<Failure> {
  const outcome = await promise.then(
    () => "resolved",
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(errorClass);
  expect(outcome).toMatchObject({ ...facts, name: errorClass.name });
  return outcome as Failure;
}

/** Everything that a log could show of a value: as text, inspected to the bottom, and as JSON. */
export function shownForms(value: unknown): string {
  const inspected = inspect(value, { depth: 20, showHidden: true, maxStringLength: null });
  const stack = value instanceof Error ? `${value.stack}` : "";
  return [String(value), inspected, JSON.stringify(value), stack].join("\n");
}
