import { SandboxError } from "../contract/sandbox-error.ts";
import type { Redactor } from "./redact.ts";

/**
 * The last word on an error before the caller sees it: which method was called, on which sandbox, and no known secret in its
 * message. Errors that are not ours (a callback of the caller's threw) pass as they are.
 */
export function annotateError(
  error: unknown,
  operation: string,
  sandboxId: string | undefined,
  redactor: Redactor,
): unknown {
  if (!SandboxError.is(error)) return error;
  const message = redactor.text(error.message);
  Object.assign(error, { operation, sandboxId: error.sandboxId ?? sandboxId });
  if (message !== error.message) {
    Object.defineProperty(error, "message", { value: message, configurable: true, writable: true });
    Object.defineProperty(error, "stack", {
      value: redactor.text(error.stack ?? ""),
      configurable: true,
      writable: true,
    });
  }
  for (const key of ["stdout", "stderr"] as const) {
    const facts = error as unknown as Record<string, unknown>;
    if (typeof facts[key] === "string") facts[key] = redactor.text(facts[key]);
  }
  if (error.cause instanceof Error) redactCause(error.cause, redactor);
  return error;
}

function redactCause(cause: Error, redactor: Redactor): void {
  for (const key of ["message", "stack"] as const) {
    const text = cause[key];
    if (text === undefined) continue;
    Object.defineProperty(cause, key, {
      value: redactor.text(text),
      configurable: true,
      writable: true,
      enumerable: false,
    });
  }
  const facts = cause as unknown as Record<string, unknown>;
  if (typeof facts.stderr === "string") facts.stderr = redactor.text(facts.stderr);
  if (cause.cause instanceof Error) redactCause(cause.cause, redactor);
}
