import type { AgentAddress } from "../../contract/agent.ts";
import type {
  Backend,
  BackendRef,
  ReconnectOptions,
  SetupOptions,
} from "../../contract/backend.ts";
import type { CallOptions } from "../../contract/call-options.ts";
import type { Capabilities, ProviderCapabilities } from "../../contract/capabilities.ts";
import type { Command, ExecOptions, ExecResult } from "../../contract/command.ts";
import type {
  FileContent,
  FileInfo,
  FileToWrite,
  ListFilesOptions,
  ReadFileOptions,
  RemoveOptions,
  UploadDirectoryOptions,
  WriteFileOptions,
} from "../../contract/files.ts";
import type { Lease, LeaseOptions } from "../../contract/lease.ts";
import type { PreviewUrl, PreviewUrlOptions } from "../../contract/preview.ts";
import type {
  AttachOptions,
  ProcessInfo,
  SandboxProcess,
  SpawnOptions,
} from "../../contract/process.ts";
import type { Pty, PtyInfo, PtyOptions } from "../../contract/pty.ts";
import type { Snapshot, SnapshotOptions } from "../../contract/snapshot.ts";
import type { Status } from "../../contract/status.ts";
import { type Load, LoadedLater } from "./loaded-later.ts";
import { unknownFacts } from "./unknown-facts.ts";

/** What is known of a backend before its code is loaded. */
export interface LazyBackendParts<Loaded> {
  readonly type: string;
  readonly workDir: string;
  readonly capabilities: ProviderCapabilities;
  readonly load: Load<Loaded>;
}

/**
 * A backend as a host app gets it: its config is checked, and nothing is loaded. The first call loads what does the work, and
 * each call is handed to that.
 */
export abstract class LazyBackend<Loaded extends Backend> implements Backend {
  readonly type: string;
  readonly #workDir: string;
  readonly #capabilities: ProviderCapabilities;
  readonly #later: LoadedLater<Loaded>;

  constructor({ type, workDir, capabilities, load }: LazyBackendParts<Loaded>) {
    this.type = type;
    this.#workDir = workDir;
    this.#capabilities = capabilities;
    this.#later = new LoadedLater(load);
  }

  get capabilities(): Capabilities {
    return this.#later.known?.capabilities ?? { ...this.#capabilities, ...unknownFacts };
  }

  get sandboxId(): string | undefined {
    return this.#later.known?.sandboxId;
  }

  get workDir(): string {
    return this.#later.known?.workDir ?? this.#workDir;
  }

  get agent(): AgentAddress | undefined {
    return this.#later.known?.agent;
  }

  get ref(): BackendRef | undefined {
    return this.#later.known?.ref;
  }

  async setup(options?: SetupOptions): Promise<void> {
    return (await this.loaded()).setup(options);
  }

  async reconnect(sandboxId: string, options?: ReconnectOptions): Promise<void> {
    return (await this.loaded()).reconnect(sandboxId, options);
  }

  async start(options?: CallOptions): Promise<void> {
    return (await this.loaded()).start(options);
  }

  async stop(options?: CallOptions): Promise<void> {
    return (await this.loaded()).stop(options);
  }

  async status(options?: CallOptions): Promise<Status> {
    return (await this.loaded()).status(options);
  }

  async teardown(options?: CallOptions): Promise<void> {
    return (await this.loaded()).teardown(options);
  }

  async exec(command: Command, options?: ExecOptions): Promise<ExecResult> {
    return (await this.loaded()).exec(command, options);
  }

  async spawn(command: Command, options?: SpawnOptions): Promise<SandboxProcess> {
    return (await this.loaded()).spawn(command, options);
  }

  async attachProcess(processId: string, options?: AttachOptions): Promise<SandboxProcess> {
    return (await this.loaded()).attachProcess(processId, options);
  }

  async listProcesses(options?: CallOptions): Promise<ProcessInfo[]> {
    return (await this.loaded()).listProcesses(options);
  }

  async attachPty(options: PtyOptions): Promise<Pty> {
    return (await this.loaded()).attachPty(options);
  }

  async listPtys(options?: CallOptions): Promise<PtyInfo[]> {
    return (await this.loaded()).listPtys(options);
  }

  async readFile(
    path: string,
    options: ReadFileOptions & { readonly encoding: "utf8" },
  ): Promise<string>;
  async readFile(
    path: string,
    options?: ReadFileOptions & { readonly encoding?: undefined },
  ): Promise<Uint8Array>;
  async readFile(path: string, options?: ReadFileOptions): Promise<string | Uint8Array> {
    // Either of the two forms, which the other side tells apart.
    const either = options as ReadFileOptions & { readonly encoding?: undefined };
    return (await this.loaded()).readFile(path, either);
  }

  async readFileStream(path: string, options?: CallOptions): Promise<ReadableStream<Uint8Array>> {
    return (await this.loaded()).readFileStream(path, options);
  }

  async writeFile(path: string, content: FileContent, options?: WriteFileOptions): Promise<void> {
    return (await this.loaded()).writeFile(path, content, options);
  }

  async writeFiles(files: readonly FileToWrite[], options?: CallOptions): Promise<void> {
    return (await this.loaded()).writeFiles(files, options);
  }

  async listFiles(directory: string, options?: ListFilesOptions): Promise<FileInfo[]> {
    return (await this.loaded()).listFiles(directory, options);
  }

  async stat(path: string, options?: CallOptions): Promise<FileInfo> {
    return (await this.loaded()).stat(path, options);
  }

  async exists(path: string, options?: CallOptions): Promise<boolean> {
    return (await this.loaded()).exists(path, options);
  }

  async makeDirectory(path: string, options?: CallOptions): Promise<void> {
    return (await this.loaded()).makeDirectory(path, options);
  }

  async remove(path: string, options?: RemoveOptions): Promise<void> {
    return (await this.loaded()).remove(path, options);
  }

  async move(source: string, destination: string, options?: CallOptions): Promise<void> {
    return (await this.loaded()).move(source, destination, options);
  }

  async uploadDirectory(
    localDirectory: string,
    destination: string,
    options?: UploadDirectoryOptions,
  ): Promise<void> {
    return (await this.loaded()).uploadDirectory(localDirectory, destination, options);
  }

  async downloadDirectory(
    source: string,
    localDirectory: string,
    options?: CallOptions,
  ): Promise<void> {
    return (await this.loaded()).downloadDirectory(source, localDirectory, options);
  }

  async createSnapshot(name: string, options?: SnapshotOptions): Promise<Snapshot> {
    return (await this.loaded()).createSnapshot(name, options);
  }

  async getPreviewUrl(port: number, options?: PreviewUrlOptions): Promise<PreviewUrl> {
    return (await this.loaded()).getPreviewUrl(port, options);
  }

  async keepAlive(options?: LeaseOptions): Promise<Lease> {
    return (await this.loaded()).keepAlive(options);
  }

  async getAgentAddress(options?: PreviewUrlOptions): Promise<AgentAddress> {
    return (await this.loaded()).getAgentAddress(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#later.dispose();
  }

  /** What does the work, loaded by whoever asks first. */
  protected loaded(): Promise<Loaded> {
    return this.#later.get();
  }
}
