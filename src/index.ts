export { DaytonaBackend } from "./backends/daytona/daytona-backend.ts";
export type { DaytonaConfig, DaytonaResources } from "./backends/daytona/daytona-config.ts";
export { DaytonaProvider } from "./backends/daytona/daytona-provider.ts";
export type { DaytonaProviderConfig } from "./backends/daytona/daytona-provider-config.ts";
export type {
  DaytonaNetwork,
  DaytonaSandboxOptions,
} from "./backends/daytona/daytona-sandbox-options.ts";
export type { DaytonaSdk, DaytonaSdkSource } from "./backends/daytona/daytona-sdk.ts";
export { LocalBackend } from "./backends/local/local-backend.ts";
export type { LocalConfig } from "./backends/local/local-config.ts";
export { LocalProvider } from "./backends/local/local-provider.ts";
export type { LocalProviderConfig } from "./backends/local/local-provider-config.ts";
export type {
  LocalNetwork,
  LocalResources,
  LocalSandboxOptions,
} from "./backends/local/local-sandbox-options.ts";
export type { AgentAddress, AgentConfig, AgentHealthConfig } from "./contract/agent.ts";
export { AgentError, type AgentFailureReason } from "./contract/agent-errors.ts";
export type { Backend, BackendRef, ReconnectOptions, SetupOptions } from "./contract/backend.ts";
export type { CallOptions } from "./contract/call-options.ts";
export type {
  Capabilities,
  ProviderCapabilities,
  PtyCapabilities,
} from "./contract/capabilities.ts";
export type {
  Chart,
  ChartElement,
  CodeError,
  CodeInterpreter,
  CodeOutput,
  CodeResult,
  CreateContextOptions,
  InterpreterContext,
  RunCodeOptions,
} from "./contract/code-interpreter.ts";
export type { Command, ExecOptions, ExecResult } from "./contract/command.ts";
export {
  CommandFailedError,
  CommandTimeoutError,
  CompletionUnknownError,
  type CompletionUnknownReason,
  ContextNotFoundError,
  OutputLimitError,
  ProcessNotFoundError,
  SandboxLostError,
  WorkingDirectoryNotFoundError,
} from "./contract/command-errors.ts";
export type { BackendConfig, GitCredentials, IdleConfig, VolumeConfig } from "./contract/config.ts";
export type { DoctorCheck, DoctorOptions, DoctorReport } from "./contract/doctor.ts";
export {
  FileAccessError,
  type FileAccessReason,
  FileNotFoundError,
  GitError,
  type GitErrorKind,
} from "./contract/file-errors.ts";
export type {
  FileContent,
  FileInfo,
  FileToWrite,
  FileType,
  ListFilesOptions,
  ReadFileOptions,
  RemoveOptions,
  UploadDirectoryOptions,
  WriteFileOptions,
} from "./contract/files.ts";
export type { ImageCopy, ImageData, ImageResources, SdkImage } from "./contract/image.ts";
export type { Lease, LeaseEnd, LeaseOptions } from "./contract/lease.ts";
export {
  AbortError,
  type LeakedSandbox,
  SandboxNotFoundError,
  SandboxStateError,
  type SandboxStateReason,
  SetupError,
  TeardownError,
  TimeoutError,
} from "./contract/lifecycle-errors.ts";
export type {
  PreviewAddress,
  PreviewFetchOptions,
  PreviewSocket,
  PreviewSocketEvents,
  PreviewSocketOptions,
  PreviewUrl,
  PreviewUrlOptions,
} from "./contract/preview.ts";
export type {
  AttachOptions,
  ProcessExit,
  ProcessInfo,
  ProcessOutput,
  ProcessOutputOptions,
  ProcessSignal,
  ReadOutputOptions,
  SandboxProcess,
  SpawnOptions,
  WaitOptions,
} from "./contract/process.ts";
export type { DestroyOptions, ListOptions, Provider, SandboxInfo } from "./contract/provider.ts";
export {
  AuthenticationError,
  CapacityError,
  ConfigError,
  ConnectionError,
  PermissionError,
  PreviewError,
  ProtocolError,
  QuotaError,
  type QuotaHolder,
  type QuotaScope,
  RateLimitError,
  SnapshotError,
  type SnapshotErrorReason,
  UnsupportedOperationError,
  VolumeError,
} from "./contract/provider-errors.ts";
export type { Pty, PtyExit, PtyInfo, PtyOptions } from "./contract/pty.ts";
export {
  SandboxError,
  type SandboxErrorCode,
  type SandboxErrorOptions,
} from "./contract/sandbox-error.ts";
export type { SetupEvent, SetupStep } from "./contract/setup-events.ts";
export type {
  BuildSnapshotOptions,
  Snapshot,
  SnapshotOptions,
  SnapshotState,
  Snapshots,
} from "./contract/snapshot.ts";
export type { SandboxState, Status } from "./contract/status.ts";
export type { SweepOptions, SweepResult, SweepSkipReason } from "./contract/sweep.ts";
export {
  type BackendConfigs,
  type Backends,
  type BackendType,
  backendTypes,
  createBackend,
  createProvider,
  type ProviderConfigs,
  type Providers,
  reconnectBackend,
} from "./create-backend.ts";
