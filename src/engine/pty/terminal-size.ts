import { EngineError } from "../engine-error.ts";

export interface TerminalSize {
  readonly rows: number;
  readonly cols: number;
}

/** The kernel keeps each in 16 bits. */
const MAXIMUM = 65_535;

/** @throws EngineError `INVALID_ARGUMENT`. A terminal without a row or a column is none: programs divide by its size. */
export function checkTerminalSize({ rows, cols }: TerminalSize): void {
  for (const [name, value] of Object.entries({ rows, cols })) {
    if (!Number.isInteger(value) || value < 1 || value > MAXIMUM) {
      throw new EngineError(
        "INVALID_ARGUMENT",
        `${name} must be a whole number from 1 to ${MAXIMUM}`,
      );
    }
  }
}
