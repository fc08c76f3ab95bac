import type { SetupEvent, SetupStep } from "../../contract/setup-events.ts";
import type { SandboxRecord } from "../transport.ts";
import { WholeLines } from "./whole-lines.ts";

/** Tells the caller of a setup's progress, and knows which step failed. */
export class SetupProgress {
  readonly #onEvent: ((event: SetupEvent) => void) | undefined;
  readonly #startedAtMs = performance.now();
  readonly #running = new Set<SetupStep>();
  #failed: SetupStep | undefined;
  #interrupted: readonly SetupStep[] | undefined;
  #newest: SetupStep = "create";

  constructor(onEvent: ((event: SetupEvent) => void) | undefined) {
    this.#onEvent = onEvent;
  }

  /** The step that failed first; before a failure, the one that began last. */
  get failedStep(): SetupStep {
    return this.#failed ?? this.#newest;
  }

  /** The steps that were under way at the first failure, in words. */
  get interruptedSteps(): string {
    const steps = this.#interrupted ?? [...this.#running];
    return steps.length > 0 ? steps.join(" and ") : this.failedStep;
  }

  async step<Value>(step: SetupStep, run: () => Promise<Value>): Promise<Value> {
    this.#newest = step;
    this.#running.add(step);
    const startedAtMs = this.#elapsedMs();
    this.#onEvent?.({ type: "step-started", step, atMs: startedAtMs });
    let value: Value;
    try {
      value = await run();
    } catch (error) {
      // What ends other steps beside it is the consequence.
      if (this.#failed === undefined) {
        this.#failed = step;
        this.#interrupted = [...this.#running];
        const atMs = this.#elapsedMs();
        const message = error instanceof Error ? error.message : String(error);
        const durationMs = atMs - startedAtMs;
        this.#onEvent?.({ type: "step-failed", step, atMs, durationMs, message });
      }
      throw error;
    }
    this.#running.delete(step);
    const atMs = this.#elapsedMs();
    this.#onEvent?.({ type: "step-finished", step, atMs, durationMs: atMs - startedAtMs });
    return value;
  }

  /** Runs what belongs to a step that has been reported as finished already. */
  async afterwards<Value>(step: SetupStep, run: () => Promise<Value>): Promise<Value> {
    try {
      return await run();
    } catch (error) {
      this.#failed ??= step;
      throw error;
    }
  }

  /** For the output of a program of that step; call `end` when there is no more. */
  output(step: SetupStep, stream: "stdout" | "stderr"): WholeLines {
    return new WholeLines((text) =>
      this.#onEvent?.({ type: "output", step, stream, text, atMs: this.#elapsedMs() }),
    );
  }

  readonly state = ({ state, providerState }: SandboxRecord): void => {
    this.#onEvent?.({ type: "sandbox-state", state, providerState, atMs: this.#elapsedMs() });
  };

  readonly buildLog = (text: string): void => {
    this.#onEvent?.({ type: "build-log", text, atMs: this.#elapsedMs() });
  };

  found(record: SandboxRecord, adopted: boolean): void {
    this.#onEvent?.({
      type: "sandbox-found",
      sandboxId: record.id,
      name: record.name,
      adopted,
      atMs: this.#elapsedMs(),
    });
  }

  readonly replaced = ({ id, name, providerState, message }: SandboxRecord): void => {
    const atMs = this.#elapsedMs();
    this.#onEvent?.({
      type: "sandbox-replaced",
      sandboxId: id,
      name,
      providerState,
      message,
      atMs,
    });
  };

  #elapsedMs(): number {
    return Math.round(performance.now() - this.#startedAtMs);
  }
}
