import type { Reporter, Vitest } from "vitest/node";

/**
 * Vitest 4.1 prints async leaks but exits 0; here a leaked handle fails the run. Promises are left
 * out: axios leaves two behind when it is imported, and a promise keeps no process alive.
 */
export default class FailOnLeaks implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(): void {
    const leaks = [...(this.#vitest?.state.leakSet ?? [])];
    if (leaks.some(({ type }) => type !== "PROMISE")) process.exitCode = 1;
  }
}
