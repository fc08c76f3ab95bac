import * as z from "zod/mini";
import type { CreateContextOptions, RunCodeOptions } from "../../../contract/code-interpreter.ts";
import {
  badArgument,
  bytesSchema,
  callShape,
  checkOptions,
  functionSchema,
  pathSchema,
} from "../../../core/check-arguments.ts";
import { lazily } from "../../../core/config/lazily.ts";
import { environmentSchema } from "../../../core/config/texts.ts";

const idPattern = /^[A-Za-z0-9_-]{1,100}$/;
const contextSchema = lazily(() => z.object({ id: z.string().check(z.regex(idPattern)) }));
const createSchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    cwd: z.optional(pathSchema()),
    env: z.optional(environmentSchema()),
  }),
);
const runSchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    context: z.optional(contextSchema()),
    language: z.optional(z.literal("python")),
    env: z.optional(environmentSchema()),
    onStdout: functionSchema<NonNullable<RunCodeOptions["onStdout"]>>(),
    onStderr: functionSchema<NonNullable<RunCodeOptions["onStderr"]>>(),
    onError: functionSchema<NonNullable<RunCodeOptions["onError"]>>(),
    maxOutputBytes: bytesSchema(),
  }),
);

export function checkCreateOptions(
  options: CreateContextOptions | undefined,
): CreateContextOptions {
  return checkOptions("createContext", createSchema, options);
}

export function checkRunOptions(options: RunCodeOptions | undefined): RunCodeOptions {
  return checkOptions("runCode", runSchema, options);
}

/** Whether a server's answer can be put into a script as it is. */
export function isContextId(id: unknown): id is string {
  return typeof id === "string" && idPattern.test(id);
}

export function checkContext(context: unknown): string {
  const result = contextSchema().safeParse(context);
  if (!result.success) throw badArgument("context", "a context of this sandbox, or its `id`");
  return result.data.id;
}

export function checkCode(code: unknown): string {
  if (typeof code !== "string" || code.trim() === "" || !code.isWellFormed())
    throw badArgument("code", "Python code that is not empty, without lone surrogates");
  return code;
}
