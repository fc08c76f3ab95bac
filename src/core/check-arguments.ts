import { posix } from "node:path";
import * as z from "zod/mini";
import type { CallOptions } from "../contract/call-options.ts";
import type { Command, ExecOptions } from "../contract/command.ts";
import { ConfigError } from "../contract/provider-errors.ts";
import { lazily } from "./config/lazily.ts";
import { parseConfig } from "./config/parse-config.ts";
import { gitCredentialsSchema } from "./config/shared-config.ts";
import { environmentSchema, isPassableText } from "./config/texts.ts";

export const bytesSchema = () => z.optional(z.int().check(z.minimum(1)));
export const functionSchema = <Type>() =>
  z.optional(z.custom<Type>((value) => typeof value === "function", { error: "a function" }));

/** The options that every call takes, for the schemas of single methods. */
export const callShape = lazily(() => ({
  signal: z.optional(
    z.custom<AbortSignal>((value) => value instanceof AbortSignal, { error: "an AbortSignal" }),
  ),
  timeoutMs: z.optional(z.int().check(z.minimum(1), z.maximum(2_147_483_647))),
}));

/** For methods that have no other options. */
export const callSchema = lazily(() => z.strictObject(callShape()));

export const pathSchema = lazily(() =>
  z.string().check(
    z.refine((path) => path !== "" && isPassableText(path), {
      error: "a path that is not empty, without NUL characters and lone surrogates",
    }),
  ),
);

/** A user of the sandbox, by name or number. */
export const userSchema = lazily(() =>
  z.string().check(
    z.regex(/^(?:[A-Za-z_][A-Za-z0-9_.-]{0,31}|[0-9]{1,10})$/, {
      error: "the name or the number of a user",
    }),
  ),
);

function isInput(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (value instanceof Uint8Array) return true;
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

const execSchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    cwd: z.optional(pathSchema()),
    env: z.optional(environmentSchema()),
    user: z.optional(userSchema()),
    stdin: z.optional(
      z.custom<NonNullable<ExecOptions["stdin"]>>(isInput, {
        error: "text, bytes, or a stream of bytes",
      }),
    ),
    onStdout: functionSchema<(chunk: Uint8Array) => void>(),
    onStderr: functionSchema<(chunk: Uint8Array) => void>(),
    maxOutputBytes: bytesSchema(),
    maxLogBytes: bytesSchema(),
    check: z.optional(z.boolean()),
    gitCredentials: z.optional(gitCredentialsSchema()),
  }),
);

/** Checks options against the schema of a method. Unknown ones are refused: to ignore one would hide a mistake. */
export function checkOptions<Options>(
  operation: string,
  schema: () => z.ZodMiniType<Options>,
  options: unknown,
): Options {
  return parseConfig(schema(), options ?? {}, `An option of ${operation}`, operation);
}

export function checkCallOptions(operation: string, options: CallOptions | undefined): CallOptions {
  return checkOptions(operation, callSchema, options);
}

export function checkExecOptions(options: ExecOptions | undefined): ExecOptions {
  return checkOptions("exec", execSchema, options);
}

export function checkCommand(command: unknown): Command {
  if (typeof command === "string") {
    if (command.trim() === "") throw badArgument("command", "a command that is not empty");
    if (!isPassableText(command))
      throw badArgument("command", "text without NUL characters and lone surrogates");
    return command;
  }
  const isArgv =
    Array.isArray(command) &&
    command.length > 0 &&
    command.every((word) => typeof word === "string" && isPassableText(word)) &&
    command[0] !== "";
  if (!isArgv)
    throw badArgument("command", "a string, or an array of strings that begins with the program");
  return command as readonly string[];
}

/** An absolute, normal path; a relative one is under the working directory. */
export function checkPath(path: unknown, workDir: string, name = "path"): string {
  const result = pathSchema().safeParse(path);
  if (!result.success) {
    throw badArgument(name, "a path that is not empty, without NUL characters and lone surrogates");
  }
  const absolute = posix.resolve(workDir, result.data);
  return absolute;
}

export function checkPort(port: unknown): number {
  if (!Number.isInteger(port) || (port as number) < 1 || (port as number) > 65_535) {
    throw badArgument("port", "a whole number from 1 to 65535");
  }
  return port as number;
}

export function badArgument(path: string, expected: string): ConfigError {
  return new ConfigError(`\`${path}\`: expected ${expected}.`, { path });
}
