import type { SandboxState } from "./status.ts";

/**
 * Steps of `setup`, in the order in which they begin. `workDir` or `clone`, `dotfiles` and the upload of the agent run side by
 * side.
 */
export type SetupStep =
  | "create"
  | "wait"
  | "probe"
  | "secrets"
  | "volumes"
  | "workDir"
  | "clone"
  | "dotfiles"
  | "agent"
  | "finish";

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
      readonly type: "step-failed";
      readonly step: SetupStep;
      readonly atMs: number;
      readonly durationMs: number;
      /** What the error says. */
      readonly message: string;
    }
  | {
      /** Whole lines that a program of the step wrote. */
      readonly type: "output";
      readonly step: SetupStep;
      readonly stream: "stdout" | "stderr";
      readonly text: string;
      readonly atMs: number;
    }
  | {
      readonly type: "sandbox-state";
      readonly state: SandboxState;
      readonly providerState: string;
      readonly atMs: number;
    }
  | {
      /** What the build of the sandbox's image says: whole lines, each once. Nothing is decided by it. */
      readonly type: "build-log";
      readonly text: string;
      readonly atMs: number;
    }
  | {
      readonly type: "sandbox-found";
      readonly sandboxId: string;
      readonly name: string;
      /** True when the sandbox existed before this call. */
      readonly adopted: boolean;
      readonly atMs: number;
    }
  | {
      /** A sandbox of the same owner and name is deleted, because it is in an error that its provider cannot repair. */
      readonly type: "sandbox-replaced";
      readonly sandboxId: string;
      readonly name: string;
      readonly providerState: string;
      /** The provider's reason of the error, where it gave one. */
      readonly message: string | undefined;
      readonly atMs: number;
    };
