import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take longest, by how long; begun last, they would run alone at the end. */
const longest = [
  "conformance/daytona-emulator-cloud",
  "conformance/local",
  "conformance/daytona-emulator-v0.190",
  "faults/pty",
  "faults/host-process",
  "backends/local/host-process",
  "core/processes/spawn",
  "conformance/mistakes",
];

/** Begins the files that take longest, so that all workers have something to do until the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = longest.findIndex((name) => moduleId.includes(`/${name}.test.ts`));
      return place < 0 ? longest.length : place;
    };
    return sorted.toSorted((one, other) => rank(one) - rank(other));
  }
}
