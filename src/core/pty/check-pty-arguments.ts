import * as z from "zod/mini";
import type { PtyOptions } from "../../contract/pty.ts";
import {
  badArgument,
  callShape,
  checkCommand,
  checkOptions,
  pathSchema,
} from "../check-arguments.ts";
import { lazily } from "../config/lazily.ts";
import { environmentSchema } from "../config/texts.ts";
import { processIdSchema } from "../processes/check-process-arguments.ts";
import type { TerminalSize } from "./pty-scripts.ts";

/** Daytona takes no more (its daemon, v0.190), and no screen has more. */
const largestSize = 1_000;

const sizeSchema = lazily(() => z.int().check(z.minimum(1), z.maximum(largestSize)));

const ptySchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    rows: sizeSchema(),
    cols: sizeSchema(),
    id: z.optional(processIdSchema()),
    create: z.optional(z.boolean()),
    // Checked like every command.
    command: z.optional(z.any()),
    cwd: z.optional(pathSchema()),
    env: z.optional(environmentSchema()),
    replayFrom: z.optional(z.int().check(z.minimum(0))),
  }),
);

export function checkPtyOptions(options: PtyOptions): PtyOptions {
  const checked = checkOptions("attachPty", ptySchema, options);
  if (checked.command !== undefined) checkCommand(checked.command);
  if (checked.create === false && checked.id === undefined) {
    throw badArgument("id", "the ID of a terminal that is there, since `create` is false");
  }
  return checked;
}

export function checkSize(rows: unknown, cols: unknown): TerminalSize {
  const check = (value: unknown, name: string): number => {
    if (sizeSchema().safeParse(value).success) return value as number;
    throw badArgument(name, `a whole number from 1 to ${largestSize}`);
  };
  return { rows: check(rows, "rows"), cols: check(cols, "cols") };
}
