import { randomUUID } from "node:crypto";
import type { Backend } from "../contract/backend.ts";

/** An environment by which all processes of one command can be found again, wherever they went. */
export interface ProcessMarker {
  readonly env: Readonly<Record<string, string>>;
  /** How many processes of the sandbox have it. */
  processes(backend: Backend): Promise<number>;
}

export function markerOf(purpose: string): ProcessMarker {
  const value = `${purpose}-${randomUUID()}`;
  return {
    env: { CONFORMANCE_MARKER: value },
    async processes(backend) {
      // Needs no `ps`. The search itself carries the text in its arguments and not in its environment.
      const { stdout } = await backend.exec(
        `cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c '^CONFORMANCE_MARKER=${value}$'`,
        { check: false },
      );
      return Number.parseInt(stdout, 10);
    },
  };
}
