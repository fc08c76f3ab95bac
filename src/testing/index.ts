export type {
  CaseContext,
  ConformanceOptions,
  GitFixture,
  RegisterCase,
  SnapshotFixture,
} from "./conformance-options.ts";
export { testBackendConformance } from "./test-backend-conformance.ts";
