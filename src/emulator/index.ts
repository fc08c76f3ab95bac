export type { DaytonaEmulator, EmulatedSandbox, EmulatedVolume } from "./daytona-emulator.ts";
export type {
  ApiKeyOptions,
  ApiPermission,
  DaytonaEmulatorOptions,
  QuotaOptions,
  ServerProfileName,
  StateDelaysMs,
} from "./emulator-options.ts";
export type { FaultInjector } from "./faults/fault-injector.ts";
export type {
  DaemonEffect,
  FaultEffect,
  FaultHandle,
  FaultMatch,
  FaultRule,
  RequestEffect,
  SandboxEffect,
  SocketEffect,
  Throttler,
} from "./faults/fault-types.ts";
export type { GitEffect } from "./faults/git-effects.ts";
export type { PtyEffect } from "./faults/pty-effects.ts";
export type {
  LoggedRequest,
  RequestFilter,
  RequestLog,
  RequestSurface,
} from "./http/request-log.ts";
export { startDaytonaEmulator } from "./start-daytona-emulator.ts";
