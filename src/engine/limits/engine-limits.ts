import { totalmem } from "node:os";
import { EngineError } from "../engine-error.ts";
import type { EngineLimits } from "../engine-types.ts";

/** Processes and threads; some fifty times what a build on all cores of a large machine has. */
const DEFAULT_PROCESSES = 4_096;
/** What is left to the machine is enough to go on with, and to end what used the rest. */
const DEFAULT_MEMORY_SHARE = 0.75;
/** Below that a sandbox could not even start. */
const LEAST_PROCESSES = 16;
const LEAST_MEMORY_BYTES = 32 * 1024 * 1024;
const LEAST_CPUS = 0.01;

/** What a sandbox has, with the defaults filled in. */
export interface AppliedLimits {
  readonly processes: number;
  readonly memoryBytes: number;
  /** Undefined: all of the machine's. */
  readonly cpus: number | undefined;
}

export function applyDefaults({ processes, memoryBytes, cpus }: EngineLimits): AppliedLimits {
  return {
    processes: processes ?? DEFAULT_PROCESSES,
    memoryBytes: memoryBytes ?? Math.floor(totalmem() * DEFAULT_MEMORY_SHARE),
    cpus,
  };
}

/** @throws EngineError `INVALID_ARGUMENT`. */
export function checkLimits({ processes, memoryBytes, cpus }: EngineLimits): void {
  const wrong =
    outside("processes", processes, LEAST_PROCESSES, Number.isInteger) ??
    outside("memoryBytes", memoryBytes, LEAST_MEMORY_BYTES, Number.isInteger) ??
    outside("cpus", cpus, LEAST_CPUS, Number.isFinite);
  if (wrong !== undefined) throw new EngineError("INVALID_ARGUMENT", wrong);
}

function outside(
  name: string,
  value: number | undefined,
  least: number,
  isNumber: (value: number) => boolean,
): string | undefined {
  if (value === undefined || (isNumber(value) && value >= least)) return undefined;
  return `limits.${name} must be at least ${least}`;
}
