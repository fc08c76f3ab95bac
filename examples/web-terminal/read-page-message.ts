import type { PageMessage } from "./protocol.ts";

const largestSize = 1_000;

/** A text frame as a message of the page; undefined when it is none. Sizes are brought into the range that terminals have. */
export function readPageMessage(data: Buffer): PageMessage | undefined {
  const fields = parseObject(data);
  if (fields === undefined) return undefined;
  const { type, terminalId, offset, isActive, endedId } = fields;
  const rows = asSize(fields.rows);
  const cols = asSize(fields.cols);
  switch (type) {
    case "attach":
      if (rows === undefined || cols === undefined || !isOffset(offset)) return undefined;
      if (terminalId !== undefined && typeof terminalId !== "string") return undefined;
      return { type, terminalId, offset, isActive: isActive === true, rows, cols };
    case "size":
      return rows === undefined || cols === undefined ? undefined : { type, rows, cols };
    case "drawn":
      return isOffset(offset) ? { type, offset } : undefined;
    case "new-terminal":
      return typeof endedId === "string" ? { type, endedId } : undefined;
    default:
      return undefined;
  }
}

function parseObject(data: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(data.toString("utf8"));
    return typeof value === "object" && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function asSize(value: unknown): number | undefined {
  return Number.isInteger(value) ? Math.min(largestSize, Math.max(1, value as number)) : undefined;
}
