import type { ProviderCapabilities } from "../../contract/capabilities.ts";
import type { CodeInterpreter } from "../../contract/code-interpreter.ts";
import { BaseBackend } from "../../core/base-backend.ts";
import { Redactor } from "../../core/redact.ts";
import { defaultWorkDir } from "../../core/work-dir.ts";
import { type DaytonaConfig, resolveDaytonaConfig, sourceText } from "./daytona-config.ts";
import { DaytonaConnection } from "./daytona-connection.ts";
import { DaytonaTransport } from "./daytona-transport.ts";
import { DaytonaCodeInterpreter } from "./interpreter/daytona-code-interpreter.ts";

/** Disposal tidies up as far as it can be done quickly. */
const disposeTimeoutMs = 5_000;

/** A sandbox of Daytona, in its cloud, self-hosted, or on the emulator. */
export class DaytonaBackend extends BaseBackend {
  protected readonly providerCapabilities: ProviderCapabilities = {
    isolation: "provider",
    image: true,
    ports: "any",
    previewWebSocket: true,
    stop: true,
    snapshot: "new-sandbox",
    snapshotStopsSource: false,
    idleTimeouts: true,
    volumes: true,
  };

  /** Runs Python in an interpreter of the sandbox that keeps its variables. */
  readonly codeInterpreter: CodeInterpreter;

  readonly #connection: DaytonaConnection;
  readonly #interpreter: DaytonaCodeInterpreter;

  /** @throws {@link ConfigError} that names what is wrong. No I/O, and the SDK is not loaded yet. */
  constructor(config: DaytonaConfig) {
    const resolved = resolveDaytonaConfig(config, process.env);
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
    this.#interpreter = new DaytonaCodeInterpreter({
      connection,
      workDir: () => this.workDir,
      attachment: (operation) => this.attachment(operation),
      bounded: (operation, options, defaultTimeoutMs, run) =>
        this.bounded(operation, options, defaultTimeoutMs, run),
      guard: (operation, run) => this.guard(operation, run),
    });
    this.codeInterpreter = this.#interpreter;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#interpreter.dispose(AbortSignal.timeout(disposeTimeoutMs));
    await super[Symbol.asyncDispose]();
  }

  /**
   * The SDK's own object of this sandbox, for what this library does not offer. Its type is the SDK's `Sandbox`; what is done
   * through it has none of this library's guarantees. Undefined before `setup` or `reconnect`.
   */
  async native(): Promise<unknown> {
    const { sandboxId } = this;
    if (sandboxId === undefined) return undefined;
    return this.bounded("native", undefined, 30_000, (deadline) =>
      this.#connection.sandbox(sandboxId, deadline),
    );
  }
}
