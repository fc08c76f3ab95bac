const longestMessage = 2000;

/**
 * A copy of a foreign error that holds its name, message, code and status and nothing else: the original may carry a
 * request, its headers and so a key, which would reach a log through `cause`.
 */
export function cleanCause(cause: unknown, depth = 0): Error | undefined {
  if (cause === undefined || cause === null) return undefined;
  if (typeof cause !== "object") return new Error(String(cause).slice(0, longestMessage));
  const foreign = cause as {
    name?: unknown;
    message?: unknown;
    code?: unknown;
    statusCode?: unknown;
    cause?: unknown;
  };
  const message = typeof foreign.message === "string" ? foreign.message : "No message";
  const inner = depth < 4 ? cleanCause(foreign.cause, depth + 1) : undefined;
  const copy = new Error(
    message.slice(0, longestMessage),
    inner === undefined ? undefined : { cause: inner },
  );
  const name = typeof foreign.name === "string" ? foreign.name : "Error";
  Object.defineProperty(copy, "name", { value: name, configurable: true, writable: true });
  // The stack of the original begins with its own message, which may have been redacted since.
  copy.stack = `${copy.name}: ${copy.message}`;
  const facts: Record<string, unknown> = {};
  if (typeof foreign.code === "string") facts.code = foreign.code;
  if (typeof foreign.statusCode === "number") facts.statusCode = foreign.statusCode;
  return Object.assign(copy, facts);
}
