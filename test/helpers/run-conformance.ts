import { afterAll, expect, test } from "vitest";
import { type ConformanceOptions, testBackendConformance } from "../../src/testing/index.ts";
import { isLongRun } from "./long-run.ts";
import { skippedBecause } from "./print-conformance.ts";

/** The cases of one test file. */
export interface ConformancePart {
  readonly has: (area: string) => boolean;
  /** Where the other cases are. */
  readonly others: string;
}

const everything: ConformancePart = { has: () => true, others: "" };

/** Only these areas; the others are left to the long run, which has all of them. */
export function inShort(areas: readonly string[]): ConformancePart {
  return isLongRun
    ? everything
    : { has: (area) => areas.includes(area), others: "in the long run" };
}

/** Registers the conformance suite with vitest and prints at the end how many of its cases ran. */
export function runConformance(
  options: Omit<ConformanceOptions, "test" | "skip" | "afterAll">,
  part: ConformancePart = everything,
): void {
  let ran = 0;
  let left = 0;
  const isLeft = (name: string): boolean => {
    const [area = ""] = name.slice(`${options.name}: `.length).split(": ");
    return !part.has(area);
  };
  const counts = testBackendConformance({
    ...options,
    thorough: options.thorough ?? isLongRun,
    test: (name, body) => {
      if (isLeft(name)) {
        left += 1;
        return;
      }
      test(name, async (context) => {
        ran += 1;
        const skip = (reason: string): void => {
          ran -= 1;
          context.skip(reason);
        };
        // Vitest counts its own assertions only, and a test without one fails.
        expect(await body({ skip })).toBeUndefined();
      });
    },
    skip: (name, reason) => {
      test.skip(`${name}${skippedBecause}${reason})`, () => {});
    },
    afterAll,
  });
  afterAll(() => {
    const skipped = counts.skipped + counts.cases - ran - left;
    const rest = left === 0 ? "" : `; ${left} more are ${part.others}`;
    process.stdout.write(
      `conformance: ${options.name} ran ${ran} cases, skipped ${skipped}${rest}\n`,
    );
  });
}
