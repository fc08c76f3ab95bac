import { SandboxError } from "../contract/sandbox-error.ts";
import type { Redactor } from "./redact.ts";

/** Facts in words of ours, which a secret may happen to be equal to. */
const ownWords: ReadonlySet<string> = new Set([
  "name",
  "code",
  "operation",
  "step",
  "reason",
  "kind",
]);

/**
 * The last word on an error before the caller sees it: which method was called, on which sandbox, and no known secret in anything
 * that it shows. Errors that are not ours (a callback of the caller's threw) pass as they are.
 */
export function annotateError(
  error: unknown,
  operation: string,
  sandboxId: string | undefined,
  redactor: Redactor,
): unknown {
  if (!SandboxError.is(error)) return error;
  Object.assign(error, { operation, sandboxId: error.sandboxId ?? sandboxId });
  redactError(error, redactor);
  return error;
}

function redactError(error: Error, redactor: Redactor): void {
  for (const key of ["message", "stack"] as const) {
    const text = error[key];
    if (typeof text !== "string" || redactor.text(text) === text) continue;
    Object.defineProperty(error, key, {
      value: redactor.text(text),
      configurable: true,
      writable: true,
      enumerable: false,
    });
  }
  const facts = error as unknown as Record<string, unknown>;
  for (const [key, value] of Object.entries(facts)) {
    const clean = ownWords.has(key) ? value : redactFact(value, redactor);
    if (clean !== value) facts[key] = clean;
  }
  if (error.cause instanceof Error) redactError(error.cause, redactor);
}

/** The same value where there is nothing to hide: output of a command, lists of texts, and objects of them. */
function redactFact(value: unknown, redactor: Redactor): unknown {
  if (typeof value === "string") return redactor.text(value);
  if (value instanceof Uint8Array) return redactor.bytes(value);
  if (typeof value !== "object" || value === null || value instanceof Error) return value;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return value;
  let changed = false;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => {
    const clean = redactFact(inner, redactor);
    changed ||= clean !== inner;
    return [key, clean];
  });
  if (!changed) return value;
  return Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
}
