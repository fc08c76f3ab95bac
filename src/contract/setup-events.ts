import type { SandboxState } from "./status.ts";

/** Steps of `setup`, in the order in which they begin. */
export type SetupStep = "create" | "wait" | "probe" | "volumes" | "workDir" | "clone" | "finish";

/** Progress of `setup`. */
export type SetupEvent =
  | { readonly type: "step-started"; readonly step: SetupStep; readonly atMs: number }
  | {
      readonly type: "step-finished";
      readonly step: SetupStep;
      readonly atMs: number;
      readonly durationMs: number;
    }
  | {
      readonly type: "sandbox-state";
      readonly state: SandboxState;
      readonly providerState: string;
      readonly atMs: number;
    }
  | {
      readonly type: "sandbox-found";
      readonly sandboxId: string;
      readonly name: string;
      /** True when the sandbox existed before this call. */
      readonly adopted: boolean;
      readonly atMs: number;
    };
