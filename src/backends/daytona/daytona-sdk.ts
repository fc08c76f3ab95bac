import { ConfigError } from "../../contract/provider-errors.ts";

/** What we use of the SDK's sandbox. Own types, so that neither of its two package names reaches our declarations. */
export interface DaytonaSandbox {
  readonly id: string;
  readonly name: string;
  readonly labels?: Record<string, string> | undefined;
  readonly state?: string | undefined;
  readonly desiredState?: string | undefined;
  readonly errorReason?: string | null | undefined;
  readonly recoverable?: boolean | undefined;
  readonly autoStopInterval?: number | undefined;
  readonly autoArchiveInterval?: number | undefined;
  readonly autoDeleteInterval?: number | undefined;
  readonly target?: string | undefined;
  readonly user?: string | undefined;
  readonly cpu?: number | undefined;
  readonly memory?: number | undefined;
  readonly disk?: number | undefined;
  readonly public?: boolean | undefined;
  readonly networkBlockAll?: boolean | undefined;
  readonly networkAllowList?: string | null | undefined;
  readonly domainAllowList?: string | null | undefined;
  readonly daemonVersion?: string | null | undefined;
  readonly createdAt?: string | undefined;
  readonly lastActivityAt?: string | undefined;
  readonly toolboxProxyUrl: string;
  readonly process: {
    executeCommand(
      command: string,
    ): Promise<{ readonly exitCode?: number; readonly result: string }>;
    /** Newer versions have it. */
    getEntrypointSession?(): Promise<{
      readonly commands?: readonly { readonly exitCode?: number | null }[] | null;
    }>;
    getEntrypointLogs?(): Promise<{ readonly output?: string | undefined }>;
    listPtySessions(): Promise<
      readonly { readonly id: string; readonly active: boolean; readonly createdAt: string }[]
    >;
  };
  readonly fs: {
    uploadFiles(
      files: { readonly source: Buffer; readonly destination: string }[],
      timeoutSeconds?: number,
    ): Promise<void>;
    uploadFileStream(
      source: NodeJS.ReadableStream,
      remotePath: string,
      options?: { readonly signal?: AbortSignal; readonly timeout?: number },
    ): Promise<void>;
  };
  readonly codeInterpreter: {
    createContext(cwd?: string): Promise<DaytonaInterpreterContext>;
    listContexts(): Promise<DaytonaInterpreterContext[]>;
    deleteContext(context: { readonly id: string }): Promise<void>;
  };
  start(timeoutSeconds?: number): Promise<void>;
  stop(timeoutSeconds?: number): Promise<void>;
  recover(timeoutSeconds?: number): Promise<void>;
  delete(timeoutSeconds?: number): Promise<void>;
  refreshActivity(): Promise<void>;
  /** Newer versions have it. */
  createSnapshot(name: string, timeoutSeconds?: number): Promise<void>;
  setLabels(labels: Record<string, string>): Promise<unknown>;
  setAutostopInterval(minutes: number): Promise<void>;
  setAutoArchiveInterval(minutes: number): Promise<void>;
  setAutoDeleteInterval(minutes: number): Promise<void>;
  getSignedPreviewUrl(
    port: number,
    expiresInSeconds?: number,
  ): Promise<{ readonly url: string; readonly token: string }>;
}

/** What we use of the SDK's volume. */
export interface DaytonaVolume {
  readonly id: string;
  readonly state: string;
  readonly errorReason?: string | null | undefined;
}

/** A context of the code interpreter, as the SDK shows it. */
export interface DaytonaInterpreterContext {
  readonly id: string;
  readonly cwd: string;
  readonly createdAt: string;
  readonly active: boolean;
}

/** What we use of the SDK's snapshots. */
export interface DaytonaSnapshot {
  readonly imageName?: string | undefined;
  readonly buildInfo?: { readonly dockerfileContent?: string | undefined } | null | undefined;
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly errorReason?: string | null | undefined;
  readonly sourceSandboxId?: string | null | undefined;
  readonly createdAt?: string | Date | undefined;
  readonly lastUsedAt?: string | Date | null | undefined;
}

/** What we use of the SDK's client. */
export interface DaytonaClient {
  readonly snapshot: {
    create(
      params: Record<string, unknown>,
      options?: { readonly timeout?: number },
    ): Promise<DaytonaSnapshot>;
    get(nameOrId: string): Promise<DaytonaSnapshot>;
    list(
      page: number,
      limit: number,
    ): Promise<{ readonly items: readonly DaytonaSnapshot[]; readonly totalPages: number }>;
    /** Of an object it takes the ID. */
    delete(snapshot: { readonly id: string }): Promise<void>;
    activate(snapshot: { readonly id: string }): Promise<unknown>;
  };
  create(
    params: Record<string, unknown>,
    options?: { readonly timeout?: number },
  ): Promise<DaytonaSandbox>;
  get(sandboxIdOrName: string): Promise<DaytonaSandbox>;
  /** Older 0.x versions answer with a promise of an array, or of an object with `items`. */
  list(query: {
    readonly labels: Record<string, string>;
    readonly limit: number;
    readonly sort: string;
    readonly order: string;
  }): AsyncIterator<DaytonaSandbox>;
  readonly volume: {
    get(name: string): Promise<DaytonaVolume>;
    create(name: string): Promise<DaytonaVolume>;
  };
}

/** The SDK as a module: `@daytonaio/sdk` or `@daytona/sdk`. */
export interface DaytonaSdk {
  // The constructors of the two packages take enums of their own; with `never` every one of them fits.
  readonly Daytona: new (
    config: never,
  ) => unknown;
}

/** The module itself, or a function that loads it. */
export type DaytonaSdkSource = DaytonaSdk | (() => DaytonaSdk | Promise<DaytonaSdk>);

/** How a client is made; every field that the SDK would otherwise take from the environment or from `.env` is given. */
export interface DaytonaClientOptions {
  readonly apiKey: string;
  readonly apiUrl: string;
  readonly target: string;
  readonly requestTimeoutMs: number;
}

/** Loads the SDK (the only place that does) and makes a client. */
export async function createDaytonaClient(
  source: DaytonaSdkSource | undefined,
  options: DaytonaClientOptions,
): Promise<DaytonaClient> {
  const sdk = await loadSdk(source);
  const config = {
    ...options,
    otelEnabled: false,
    // Without it the constructor opens a socket over which the events of the whole organisation flow.
    useDeprecatedPolling: true,
  };
  return new sdk.Daytona(config as never) as DaytonaClient;
}

export async function loadSdk(source: DaytonaSdkSource | undefined): Promise<DaytonaSdk> {
  const sdk: unknown =
    source === undefined
      ? await import("@daytonaio/sdk")
      : typeof source === "function"
        ? await source()
        : source;
  const isSdk =
    typeof sdk === "object" &&
    sdk !== null &&
    "Daytona" in sdk &&
    typeof sdk.Daytona === "function";
  if (!isSdk) {
    throw new ConfigError(
      "`sdk`: expected the module @daytonaio/sdk or @daytona/sdk of version 0.x, with its class `Daytona`. Version 2 has no setting for the API's address and does not fit.",
      { path: "sdk" },
    );
  }
  return sdk as DaytonaSdk;
}
