import type { DoctorCheck, DoctorOptions, DoctorReport } from "../../contract/doctor.ts";
import type {
  DestroyOptions,
  ListOptions,
  Provider,
  SandboxInfo,
} from "../../contract/provider.ts";
import type { Snapshots } from "../../contract/snapshot.ts";
import type { SweepOptions, SweepResult } from "../../contract/sweep.ts";
import type { Deadline } from "../deadline.ts";
import type { Redactor } from "../redact.ts";
import { ProviderSnapshots } from "../snapshots/provider-snapshots.ts";
import type { SnapshotTransport } from "../snapshots/snapshot-transport.ts";
import type { Transport } from "../transport.ts";
import {
  checkDestroyOptions,
  checkDoctorOptions,
  checkListOptions,
  checkSandboxId,
  checkSweepOptions,
} from "./check-provider-arguments.ts";
import { destroySandbox } from "./destroy-sandbox.ts";
import { listSandboxes } from "./list-sandboxes.ts";
import { ProviderCalls } from "./provider-calls.ts";
import { sweepSandboxes } from "./sweep-sandboxes.ts";

const listTimeoutMs = 60_000;
const destroyTimeoutMs = 120_000;
const sweepTimeoutMs = 600_000;
const doctorTimeoutMs = 120_000;

/** What a type gives to its provider. */
export interface ProviderParts {
  readonly type: string;
  readonly transport: Transport & { readonly snapshots: SnapshotTransport };
  readonly redactor: Redactor;
}

/** Every provider: checks its arguments, bounds each call, and does the work on top of the transport. */
export abstract class BaseProvider implements Provider {
  readonly type: string;
  readonly snapshots: Snapshots;
  protected readonly transport: Transport;
  /** For services beside this class that must behave like its methods. */
  protected readonly calls: ProviderCalls;
  readonly #redactor: Redactor;

  constructor({ type, transport, redactor }: ProviderParts) {
    this.type = type;
    this.transport = transport;
    this.#redactor = redactor;
    this.calls = new ProviderCalls(redactor);
    this.snapshots = new ProviderSnapshots(transport.snapshots, this.calls);
  }

  async list(options?: ListOptions): Promise<SandboxInfo[]> {
    return this.calls.guard("list", async () => {
      const checked = checkListOptions(options);
      return this.calls.bounded("list", checked, listTimeoutMs, (deadline) =>
        listSandboxes(this.transport, checked, deadline),
      );
    });
  }

  async destroy(sandboxId: string, options?: DestroyOptions): Promise<void> {
    await this.calls.guard("destroy", async () => {
      const checkedId = checkSandboxId(sandboxId);
      const checked = checkDestroyOptions(options);
      await this.calls.bounded("destroy", checked, destroyTimeoutMs, (deadline) =>
        destroySandbox(this.transport, checkedId, checked, deadline),
      );
    });
  }

  async sweep(options: SweepOptions): Promise<SweepResult> {
    return this.calls.guard("sweep", async () => {
      const checked = checkSweepOptions(options);
      return this.calls.bounded("sweep", checked, sweepTimeoutMs, (deadline) =>
        sweepSandboxes(this.transport, checked, deadline),
      );
    });
  }

  async doctor(options?: DoctorOptions): Promise<DoctorReport> {
    return this.calls.guard("doctor", async () => {
      const checked = checkDoctorOptions(options);
      return this.calls.bounded("doctor", checked, doctorTimeoutMs, async (deadline) => {
        const checks = await this.examine(checked, deadline);
        return {
          type: this.type,
          ok: checks.every(({ status }) => status !== "failed"),
          checks: checks.map((check) => ({
            ...check,
            message: this.#redactor.text(check.message),
          })),
        };
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.transport.close();
  }

  /** The checks of `doctor`, each of which tells what it found and rejects for nothing but the deadline. */
  protected abstract examine(options: DoctorOptions, deadline: Deadline): Promise<DoctorCheck[]>;
}
