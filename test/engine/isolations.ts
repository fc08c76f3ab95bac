import type { Isolation } from "../../src/engine/engine-types.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { isLongRun } from "../helpers/long-run.ts";

export interface IsolationUnderTest {
  readonly isolation: Isolation;
  readonly skipped: boolean;
  /** For the name of the tests: says why they are skipped. */
  readonly title: string;
}

/** Namespaces are tested wherever the kernel allows them. */
export async function namespacesUnderTest(): Promise<IsolationUnderTest> {
  const probe = await LocalEngine.probe();
  return probe.available
    ? { isolation: "namespaces", skipped: false, title: "namespaces" }
    : { isolation: "namespaces", skipped: true, title: `namespaces (skipped: ${probe.reason})` };
}

/** The short run has namespaces alone where there are any; the conformance suite on `local` still has both. */
export async function isolationsUnderTest(): Promise<IsolationUnderTest[]> {
  const namespaces = await namespacesUnderTest();
  const none = { isolation: "none", skipped: false, title: "none" } as const;
  return isLongRun || namespaces.skipped ? [none, namespaces] : [namespaces];
}
