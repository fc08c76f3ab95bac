import * as z from "zod/mini";
import type { AgentConfig } from "../../contract/agent.ts";
import { lazily } from "./lazily.ts";
import { environmentSchema, isPassableText } from "./texts.ts";

export const defaultAgentPort = 7422;
export const defaultAgentHealth = { path: "/", timeoutMs: 60_000 } as const;

function isArgument(word: unknown): word is string {
  return typeof word === "string" && isPassableText(word);
}

function isCommand(value: unknown): boolean {
  if (typeof value === "string") return value.trim() !== "" && isPassableText(value);
  return Array.isArray(value) && value.length > 0 && value[0] !== "" && value.every(isArgument);
}

function isSource(value: unknown): boolean {
  if (typeof value === "string") return value !== "" && !value.includes("\0");
  if (value instanceof URL) return /^https?:$/.test(value.protocol) && value.password === "";
  return value instanceof Uint8Array && value.length > 0;
}

/** A path in a URL: nothing that leads to another host. */
function isHealthPath(value: string): boolean {
  return /^\/(?![/\\])/.test(value) && URL.canParse(value, "http://agent.invalid");
}

export const agentSchema = lazily(() =>
  z.strictObject({
    port: z.optional(z.int().check(z.minimum(1), z.maximum(65_535))),
    source: z.optional(
      z.custom<NonNullable<AgentConfig["source"]>>(isSource, {
        error:
          "the path of a file of this machine, bytes, or an http or https URL without a password",
      }),
    ),
    command: z.optional(
      z.custom<string | string[]>(isCommand, {
        error: "a string, or an array of strings that begins with the program",
      }),
    ),
    args: z.optional(
      z.custom<string[]>((value) => Array.isArray(value) && value.every(isArgument), {
        error: "an array of strings without NUL characters",
      }),
    ),
    env: z.optional(environmentSchema()),
    health: z.optional(
      z.strictObject({
        path: z.optional(
          z
            .string()
            .check(
              z.refine(isHealthPath, { error: "a path that begins with one /, such as /health" }),
            ),
        ),
        timeoutMs: z.optional(z.int().check(z.minimum(1), z.maximum(2_147_483_647))),
      }),
    ),
  }),
);

/** What the single options of an agent cannot say of each other. */
export function checkAgentOptions(
  agent: AgentConfig | undefined,
): { readonly path: string; readonly expected: string } | undefined {
  if (agent === undefined) return undefined;
  if (agent.source === undefined && agent.command === undefined) {
    return { path: "agent.source", expected: "a program, or `command` for one that the image has" };
  }
  if (agent.args !== undefined && agent.command !== undefined) {
    return {
      path: "agent.args",
      expected: "nothing beside `command`, which has its own arguments",
    };
  }
  return undefined;
}
