import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take longest, by how long; begun last, they would run alone at the end. */
const longest = [
  "conformance/daytona-emulator-cloud-commands",
  "conformance/daytona-emulator-cloud",
  "conformance/local",
  "conformance/daytona-emulator-v0.190",
  "faults/pty",
  "faults/host-process",
  "backends/local/host-process",
  "conformance/mistakes",
  "core/processes/spawn",
];

/**
 * Begins the files that take longest, so that all workers have something to do until the end. One project after another: a worker
 * is kept, with all that it has loaded, only while the next file is of the same project.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = longest.findIndex((name) => moduleId.includes(`/${name}.test.ts`));
      return place < 0 ? longest.length : place;
    };
    const isUnit = ({ project }: TestSpecification): number => (project.name === "unit" ? 1 : 0);
    return sorted.toSorted((one, other) => isUnit(one) - isUnit(other) || rank(one) - rank(other));
  }
}
