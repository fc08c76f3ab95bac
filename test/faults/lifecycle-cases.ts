import type { DaytonaBackend } from "../../src/backends/daytona/daytona-backend.ts";
import type {
  DaytonaEmulatorOptions,
  FaultEffect,
  FaultHandle,
  FaultMatch,
  FaultRule,
} from "../../src/emulator/index.ts";
import type { DaytonaConfig } from "../../src/index.ts";
import { until } from "../helpers/until.ts";

/** What a case does with the sandbox: the backend's own calls, and the faults that strike it meanwhile. */
interface CaseTools {
  backend(config?: DaytonaConfig): DaytonaBackend;
  /** Lets the clock of the case's own emulator go on. */
  letTimePass(minutes: number): void;
  ready(config?: DaytonaConfig): Promise<DaytonaBackend & { readonly sandboxId: string }>;
  fault(
    match: FaultMatch,
    effect: FaultEffect,
    limits?: Pick<FaultRule, "times" | "skip">,
  ): FaultHandle;
}

export interface LifecycleCase {
  /** Number of the fault in the list that the emulator follows, and what it does. */
  readonly fault: string;
  /** The call that is struck. */
  readonly operation: string;
  /** `ok`, or the code of the error that the call rejects with. */
  readonly outcome: string;
  /** Sandboxes at the provider when the call has ended and nothing else was done. */
  readonly leftAtOnce: number;
  /** Give the case an emulator of its own. */
  readonly options?: Omit<DaytonaEmulatorOptions, "directory" | "isolation" | "profile">;
  /** Resolves or rejects as the struck call does. */
  run(tools: CaseTools): Promise<unknown>;
}

const create = { surface: "api", method: "POST", path: "/sandbox" } as const;
const look = { surface: "api", method: "GET", path: "/sandbox/{sandboxIdOrName}" } as const;
const remove = { surface: "api", method: "DELETE" } as const;
const execute = { path: "/toolbox/{sandboxId}/process/execute" } as const;
const always = Number.POSITIVE_INFINITY;
const gatewayPage = "<html><body><h1>504 Gateway Time-out</h1></body></html>";

/** A setup under one fault. */
function setup(
  fault: string,
  outcome: string,
  leftAtOnce: number,
  match: FaultMatch,
  effect: FaultEffect,
  {
    times = always,
    config = {},
    timeoutMs = 20_000,
    options,
  }: {
    times?: number;
    config?: DaytonaConfig;
    timeoutMs?: number;
    options?: LifecycleCase["options"];
  } = {},
): LifecycleCase {
  return {
    fault,
    operation: "setup",
    outcome,
    leftAtOnce,
    ...(options === undefined ? {} : { options }),
    run: ({ backend, fault: strike }) => {
      strike(match, effect, times === always ? {} : { times });
      return backend(config).setup({ timeoutMs });
    },
  };
}

/** Something that is done to a sandbox that is ready. */
function onReady(
  fault: string,
  operation: string,
  outcome: string,
  leftAtOnce: number,
  run: (
    backend: DaytonaBackend & { readonly sandboxId: string },
    tools: CaseTools,
  ) => Promise<unknown>,
): LifecycleCase {
  return {
    fault,
    operation,
    outcome,
    leftAtOnce,
    run: async (tools) => run(await tools.ready(), tools),
  };
}

export const lifecycleCases: readonly LifecycleCase[] = [
  setup(
    "F01 creating for ever",
    "TIMEOUT",
    1,
    {},
    { type: "hold-state", state: "creating" },
    {
      config: { cleanupTimeoutMs: 500 },
      timeoutMs: 1_000,
      options: { startHoldMs: 200 },
    },
  ),
  onReady("F01 stopping for ever", "stop", "TIMEOUT", 1, (backend, { fault }) => {
    fault({}, { type: "hold-state", state: "stopping" });
    return backend.stop({ timeoutMs: 800 });
  }),
  setup("F02 answer of create lost", "ok", 1, create, { type: "handle-then-reset" }, { times: 1 }),
  setup(
    "F02 answer of create never comes",
    "TIMEOUT",
    0,
    create,
    { type: "hold-answer" },
    { times: 1, timeoutMs: 1_500 },
  ),
  setup(
    "F03 rate limit, twice",
    "ok",
    1,
    create,
    { type: "rate-limit", throttler: "sandbox-create", retryAfterSeconds: 0.2 },
    { times: 2 },
  ),
  setup(
    "F03 503 for ever",
    "SETUP_FAILED",
    0,
    create,
    { type: "respond", status: 503 },
    {
      config: { cleanupTimeoutMs: 500 },
    },
  ),
  setup(
    "F04 error while created",
    "SETUP_FAILED",
    0,
    {},
    {
      type: "fail-transition",
      state: "creating",
    },
  ),
  setup(
    "F04 build fails",
    "SETUP_FAILED",
    0,
    {},
    { type: "fail-transition", state: "building_snapshot", to: "build_failed" },
    { config: { image: "debian:12" } },
  ),
  onReady("F04 error while started", "start", "SANDBOX_STATE", 1, async (backend, { fault }) => {
    await backend.stop();
    fault({}, { type: "fail-transition", state: "starting", errorReason: "Disk" });
    return backend.start();
  }),
  onReady("F05 409 while it changes", "teardown", "ok", 0, (backend, { fault }) => {
    fault(remove, { type: "state-conflict" }, { times: 2 });
    return backend.teardown();
  }),
  onReady("F05 400, the older form", "stop", "ok", 1, (backend, { fault }) => {
    fault(
      { surface: "api", method: "POST", path: "/sandbox/{sandboxIdOrName}/stop" },
      { type: "state-conflict", legacy: true },
      { times: 2 },
    );
    return backend.stop();
  }),
  setup(
    "F06 looks fail, three times",
    "ok",
    1,
    look,
    { type: "respond", status: 502 },
    {
      times: 3,
    },
  ),
  onReady("F06 unreachable", "status", "CONNECTION_FAILED", 1, (backend, { fault }) => {
    fault(look, { type: "respond", status: 502 });
    return backend.status();
  }),
  onReady("F07 missing in lists", "reconnect", "ok", 1, (ready, { fault, backend }) => {
    fault({}, { type: "unlisted" });
    return backend().reconnect(ready.sandboxId);
  }),
  onReady("F08 deletion without an end", "teardown", "TEARDOWN_FAILED", 1, (backend, { fault }) => {
    fault({}, { type: "hold-state", state: "destroying" });
    return backend.teardown({ timeoutMs: 1_000 });
  }),
  {
    ...onReady("F09 stopped for idleness", "exec", "SANDBOX_STATE", 1, (backend, tools) => {
      tools.letTimePass(16);
      return until(async () => (await backend.status()).state === "stopped", 20_000).then(() =>
        backend.exec("true"),
      );
    }),
    options: { startHoldMs: 30_000 },
  },
  onReady("F10 vanished", "exec", "SANDBOX_NOT_FOUND", 1, (backend, { fault }) => {
    fault({}, { type: "vanish" });
    return backend.exec("true");
  }),
  onReady("F11 stopped and started", "process.wait", "ok", 1, async (backend) => {
    const child = await backend.spawn("sleep 600");
    await backend.stop();
    await backend.start();
    const { exitCode } = await child.wait();
    if (exitCode === 0) throw new Error("A success that nobody saw");
  }),
  onReady("F12 bare 502, twice", "exec", "ok", 1, (backend, { fault }) => {
    fault(execute, { type: "respond", status: 502 }, { times: 2 });
    return backend.exec("true");
  }),
  onReady(
    "F19 a gateway answers HTML",
    "getPreviewUrl",
    "CONNECTION_FAILED",
    1,
    (backend, { fault }) => {
      const effect = { type: "respond", status: 504, body: gatewayPage } as const;
      fault({ surface: "api", path: /signed-preview-url/ }, effect);
      return backend.getPreviewUrl(3_000);
    },
  ),
  onReady("F20 no space left", "writeFile", "FILE_ACCESS", 1, (backend) =>
    // A device that is always full.
    backend.exec("ln -s /dev/full full").then(() => backend.writeFile("full/file", "x")),
  ),
  setup(
    "F21, F26 connection refused",
    "SETUP_FAILED",
    0,
    { surface: "api", method: "PATCH" },
    { type: "delay", ms: 0 },
    { config: { repoUrl: "http://127.0.0.1:9/none.git" } },
  ),
  setup(
    "F23 limit of the organisation",
    "QUOTA_EXCEEDED",
    0,
    { surface: "api", method: "PATCH" },
    { type: "delay", ms: 0 },
    { options: { quotas: { totalDiskGiB: 0 } } },
  ),
  onReady("F22 snapshot without an end", "createSnapshot", "TIMEOUT", 1, (backend, { fault }) => {
    fault({}, { type: "hold-state", state: "snapshotting" });
    return backend.createSnapshot("never-made", { timeoutMs: 1_000 });
  }),
  onReady("F24 unknown state", "status", "ok", 1, (backend, { fault }) => {
    fault(look, { type: "rewrite", fields: { state: "levitating" } });
    return backend.status();
  }),
  setup("F25 events lost", "ok", 1, {}, { type: "events" }),
  setup(
    "F28 key may not delete",
    "SETUP_FAILED",
    1,
    remove,
    { type: "respond", status: 403, body: { message: "Forbidden resource", statusCode: 403 } },
    { config: { repoUrl: "http://127.0.0.1:9/none.git", cleanupTimeoutMs: 800 } },
  ),
  setup("F03 401", "AUTHENTICATION_FAILED", 0, create, {
    type: "respond",
    status: 401,
    body: { message: "Invalid credentials", statusCode: 401 },
  }),
];
