import { BaseBackend } from "../../core/base-backend.ts";
import { Redactor } from "../../core/redact.ts";
import { defaultWorkDir } from "../../core/work-dir.ts";
import { daytonaCapabilities } from "./daytona-capabilities.ts";
import { type ResolvedDaytonaConfig, sourceText } from "./daytona-config.ts";
import { DaytonaConnection } from "./daytona-connection.ts";
import { DaytonaTransport } from "./daytona-transport.ts";
import { DaytonaCodeInterpreter } from "./interpreter/daytona-code-interpreter.ts";

/** Disposal tidies up as far as it can be done quickly. */
const disposeTimeoutMs = 5_000;

/** What does the work of a `DaytonaBackend`. */
export class LoadedDaytonaBackend extends BaseBackend {
  protected readonly providerCapabilities = daytonaCapabilities;

  readonly codeInterpreter: DaytonaCodeInterpreter;

  readonly #connection: DaytonaConnection;

  /** No I/O, and the SDK is not loaded yet. */
  constructor(resolved: ResolvedDaytonaConfig) {
    const connection = new DaytonaConnection(resolved);
    super({
      type: "daytona",
      transport: new DaytonaTransport(resolved, connection),
      config: resolved,
      defaultWorkDir,
      source: sourceText(resolved),
      isFromSnapshot: resolved.snapshot !== undefined,
      organizationId: resolved.organizationId,
      redactor: new Redactor([
        resolved.apiKey,
        resolved.gitCredentials?.password,
        ...Object.values(resolved.secrets ?? {}),
      ]),
    });
    this.#connection = connection;
    this.codeInterpreter = new DaytonaCodeInterpreter({
      connection,
      workDir: () => this.workDir,
      attachment: (operation) => this.attachment(operation),
      bounded: (operation, options, defaultTimeoutMs, run) =>
        this.bounded(operation, options, defaultTimeoutMs, run),
      guard: (operation, run) => this.guard(operation, run),
    });
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.codeInterpreter.dispose(AbortSignal.timeout(disposeTimeoutMs));
    await super[Symbol.asyncDispose]();
  }

  /** See `DaytonaBackend`. */
  async native(): Promise<unknown> {
    const { sandboxId } = this;
    if (sandboxId === undefined) return undefined;
    return this.bounded("native", undefined, 30_000, (deadline) =>
      this.#connection.sandbox(sandboxId, deadline),
    );
  }
}
