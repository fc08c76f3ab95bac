import * as z from "zod/mini";
import type { ReconnectOptions, SetupOptions } from "../../contract/backend.ts";
import type { SetupEvent } from "../../contract/setup-events.ts";
import { callShape, checkOptions } from "../check-arguments.ts";
import { lazily } from "../config/lazily.ts";

const setupSchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    onEvent: z.optional(
      z.custom<(event: SetupEvent) => void>((value) => typeof value === "function", {
        error: "a function",
      }),
    ),
  }),
);

const reconnectSchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    start: z.optional(z.enum(["if-stopped", "never"])),
    agent: z.optional(z.enum(["ensure", "leave"])),
  }),
);

export function checkSetupOptions(options: SetupOptions | undefined): SetupOptions {
  return checkOptions("setup", setupSchema, options);
}

export function checkReconnectOptions(options: ReconnectOptions | undefined): ReconnectOptions {
  return checkOptions("reconnect", reconnectSchema, options);
}
