import * as z from "zod/mini";
import type {
  AttachOptions,
  ProcessSignal,
  ReadOutputOptions,
  SpawnOptions,
} from "../../contract/process.ts";
import {
  badArgument,
  bytesSchema,
  callShape,
  checkOptions,
  functionSchema,
  pathSchema,
  userSchema,
} from "../check-arguments.ts";
import { lazily } from "../config/lazily.ts";
import { gitCredentialsSchema } from "../config/shared-config.ts";
import { environmentSchema } from "../config/texts.ts";

const signals: ReadonlySet<unknown> = new Set<ProcessSignal>([
  "SIGTERM",
  "SIGKILL",
  "SIGINT",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGSTOP",
  "SIGCONT",
]);

const offsetSchema = lazily(() => z.optional(z.int().check(z.minimum(0))));
const outputShape = lazily(() => ({
  onStdout: functionSchema<(chunk: Uint8Array) => void>(),
  onStderr: functionSchema<(chunk: Uint8Array) => void>(),
}));
export const processIdSchema = lazily(() =>
  z.string().check(z.regex(/^[A-Za-z0-9]{1,64}$/, { error: "1 to 64 letters and digits" })),
);
const spawnSchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    ...outputShape(),
    id: z.optional(processIdSchema()),
    cwd: z.optional(pathSchema()),
    env: z.optional(environmentSchema()),
    user: z.optional(userSchema()),
    stdin: z.optional(z.enum(["open", "empty"])),
    maxLogBytes: bytesSchema(),
    gitCredentials: z.optional(gitCredentialsSchema()),
  }),
);
const attachSchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    ...outputShape(),
    stdoutOffset: offsetSchema(),
    stderrOffset: offsetSchema(),
  }),
);
const readOutputSchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    stream: z.optional(z.enum(["stdout", "stderr"])),
    maxBytes: bytesSchema(),
  }),
);

export function checkSpawnOptions(options: SpawnOptions | undefined): SpawnOptions {
  return checkOptions("spawn", spawnSchema, options);
}

export function checkAttachOptions(options: AttachOptions | undefined): AttachOptions {
  return checkOptions("attachProcess", attachSchema, options);
}

export function checkReadOutput(options: ReadOutputOptions | undefined): ReadOutputOptions {
  return checkOptions("process.output", readOutputSchema, options);
}

/** Without the `SIG` of its name, as `kill` takes it. */
export function checkSignal(signal: unknown): string | undefined {
  if (signal === undefined) return undefined;
  if (!signals.has(signal)) throw badArgument("signal", `one of ${[...signals].join(", ")}`);
  return (signal as ProcessSignal).slice("SIG".length);
}

export function checkStartOffset(offset: unknown): number {
  if (!offsetSchema().safeParse(offset).success) {
    throw badArgument("offset", "a whole number of bytes, at least 0");
  }
  return offset as number;
}

export function checkInputData(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return Uint8Array.from(data);
  if (typeof data === "string" && data.isWellFormed()) return Buffer.from(data);
  throw badArgument("data", "text or bytes");
}

export function checkProcessId(processId: unknown): string {
  if (processIdSchema().safeParse(processId).success) return processId as string;
  throw badArgument("processId", "1 to 64 letters and digits");
}
