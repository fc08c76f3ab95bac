import assert from "node:assert/strict";
import type { Conformance } from "./conformance.ts";
import { eventually } from "./polling.ts";

/** Counts, from outside the library, what the whole run has left at the provider. */
export function leakCases(conformance: Conformance): void {
  conformance.add("leaks", "leaves no sandbox of the whole run behind", async () => {
    await conformance.releaseKept();
    let leftovers: readonly string[] = [];
    const isEmpty = async (): Promise<boolean> => {
      leftovers = await conformance.leftovers();
      return leftovers.length === 0;
    };
    await eventually("No sandbox is left", conformance.patient(15_000), isEmpty).catch(() => {
      // The comparison below says which are left.
    });
    assert.deepEqual(leftovers, [], "sandboxes that cases before have left");
  });
}
