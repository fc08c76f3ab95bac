import * as z from "zod/mini";
import type { FaultEffect } from "./fault-types.ts";
import { gitEffectSchemas } from "./git-effects.ts";
import { ptyEffectSchemas } from "./pty-effects.ts";

const ms = z.optional(z.number().check(z.minimum(0)));
const bytes = z.optional(z.int().check(z.minimum(0)));
const text = z.optional(z.string());
const flag = z.optional(z.boolean());
const fields = z.record(z.string(), z.unknown());

/** The codes of RFC 6455 and its registry that may be sent; 1004 to 1006 and 1015 only ever stand for something. */
function isSendable(code: number): boolean {
  const isReserved = (code >= 1004 && code <= 1006) || code > 1014;
  return (code >= 1000 && !isReserved) || (code >= 3000 && code <= 4999);
}

function fitsCloseFrame(reason: string): boolean {
  return Buffer.byteLength(reason) <= 123;
}

/** An effect as JSON. A field that it does not have is refused. */
export const effectSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("respond"),
    status: z.int().check(z.minimum(200), z.maximum(599)),
    body: z.optional(z.unknown()),
    contentType: text,
    headers: z.optional(z.record(z.string(), z.string())),
  }),
  z.strictObject({
    type: z.literal("rate-limit"),
    throttler: z.enum(["anonymous", "authenticated", "sandbox-create", "sandbox-lifecycle"]),
    retryAfterSeconds: z.number(),
  }),
  z.strictObject({ type: z.literal("state-conflict"), legacy: flag }),
  z.strictObject({ type: z.literal("delay"), ms: z.number().check(z.minimum(0)) }),
  z.strictObject({ type: z.literal("hang") }),
  z.strictObject({ type: z.literal("reset") }),
  z.strictObject({ type: z.literal("handle-then-reset") }),
  z.strictObject({ type: z.literal("hold-answer"), ms }),
  z.strictObject({
    type: z.literal("cut"),
    afterMs: z.number().check(z.minimum(0)),
    answer: z.optional(z.union([z.literal([408, 502, 504]), z.enum(["hang", "reset"])])),
  }),
  z.strictObject({ type: z.literal("truncate"), bytes: z.int().check(z.minimum(0)) }),
  z.strictObject({ type: z.literal("rewrite"), fields }),
  z.strictObject({
    type: z.literal("websocket"),
    splitBytes: z.optional(z.int().check(z.minimum(1))),
    joinBytes: bytes,
    delayMs: ms,
    endAfterBytes: bytes,
    endAfterMs: ms,
    endAfterIdleMs: ms,
    end: z.optional(z.enum(["close", "reset", "hang"])),
    code: z.optional(z.int().check(z.refine(isSendable, "no code that a close frame may carry"))),
    reason: z.optional(z.string().check(z.refine(fitsCloseFrame, "longer than 123 bytes"))),
  }),
  z.strictObject({
    type: z.literal("daemon-crash"),
    afterMs: ms,
    downMs: ms,
    processes: z.optional(z.enum(["survive", "killed"])),
  }),
  z.strictObject({
    type: z.literal("exec-timeout"),
    mode: z.enum(["ignored", "late", "shell-only"]),
  }),
  z.strictObject({
    type: z.literal("session-exec"),
    mode: z.enum(["no-exit-code", "not-run", "shell-dies"]),
    afterMs: ms,
  }),
  z.strictObject({
    type: z.literal("session-input"),
    mode: z.enum(["left-open", "ends-after-first"]),
  }),
  z.strictObject({
    type: z.literal("interpreter-execute"),
    mode: z.enum(["not-run", "worker-dies"]),
    afterMs: ms,
  }),
  z.strictObject({
    type: z.literal("log-follow"),
    replayBytes: bytes,
    endAtOnce: flag,
    lingerMs: ms,
    unlabelled: flag,
    splice: z.optional(
      z.strictObject({
        atByte: z.int().check(z.minimum(0)),
        dropBytes: bytes,
        insertBase64: text,
      }),
    ),
  }),
  ...gitEffectSchemas,
  ...ptyEffectSchemas,
  z.strictObject({ type: z.literal("hold-state"), state: z.string(), ms }),
  z.strictObject({
    type: z.literal("fail-transition"),
    state: z.string(),
    to: z.optional(z.enum(["error", "build_failed"])),
    errorReason: text,
    recoverable: flag,
  }),
  z.strictObject({ type: z.literal("vanish") }),
  z.strictObject({ type: z.literal("zombie"), stopsAfterMs: ms }),
  z.strictObject({ type: z.literal("events"), delayMs: ms }),
  z.strictObject({ type: z.literal("unmounted") }),
  z.strictObject({ type: z.literal("unlisted") }),
]);

// Every type of effect can be given as JSON, and every JSON effect is one that the emulator knows.
type Missing = Exclude<FaultEffect["type"], z.infer<typeof effectSchema>["type"]>;
type Unknown = Exclude<z.infer<typeof effectSchema>["type"], FaultEffect["type"]>;
const _complete: [Missing, Unknown] extends [never, never] ? true : false = true;

/** @throws TypeError when a field is unknown, missing or of the wrong kind. */
export function checkEffect(effect: unknown): void {
  const result = effectSchema.safeParse(effect);
  if (result.success) return;
  const complaints = result.error.issues.map((issue) =>
    issue.code === "unrecognized_keys"
      ? `it has no ${issue.keys.join(", ")}`
      : `${issue.path.join(".")}: ${issue.message}`,
  );
  throw new TypeError(`This is not an effect: ${complaints.join("; ")}`);
}
