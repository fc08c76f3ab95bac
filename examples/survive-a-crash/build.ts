import type { BackendRef } from "sandbox-backend";

/** What a host writes down while it follows a build; all that another one needs. */
export interface Notes {
  readonly ref: BackendRef;
  readonly processId: string;
  /** Bytes of the output that are in the output file already. */
  readonly stdoutOffset: number;
}

const steps = 12;

/** Stands for a build that takes a while and tells how far it is. */
export const buildCommand = `i=1; while [ $i -le ${steps} ]; do echo "step $i of ${steps}"; sleep 0.5; i=$((i + 1)); done; echo built`;

export const buildOutput = `${Array.from({ length: steps }, (_, index) => `step ${index + 1} of ${steps}\n`).join("")}built\n`;
