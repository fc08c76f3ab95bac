import type { SetupEvent, SetupStep } from "../../contract/setup-events.ts";
import type { SandboxRecord } from "../transport.ts";

/** Tells the caller of a setup's progress, and knows which step is under way when it fails. */
export class SetupProgress {
  readonly #onEvent: ((event: SetupEvent) => void) | undefined;
  readonly #startedAtMs = performance.now();
  #step: SetupStep = "create";

  constructor(onEvent: ((event: SetupEvent) => void) | undefined) {
    this.#onEvent = onEvent;
  }

  get currentStep(): SetupStep {
    return this.#step;
  }

  async step<Value>(step: SetupStep, run: () => Promise<Value>): Promise<Value> {
    this.#step = step;
    const startedAtMs = this.#elapsedMs();
    this.#onEvent?.({ type: "step-started", step, atMs: startedAtMs });
    const value = await run();
    const atMs = this.#elapsedMs();
    this.#onEvent?.({ type: "step-finished", step, atMs, durationMs: atMs - startedAtMs });
    return value;
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
