export type {
  CaseContext,
  ConformanceOptions,
  GitFixture,
  RegisterCase,
} from "./conformance-options.ts";
export { testBackendConformance } from "./test-backend-conformance.ts";
