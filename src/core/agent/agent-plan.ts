import * as z from "zod/mini";
import type { AgentConfig } from "../../contract/agent.ts";
import { defaultAgentHealth, defaultAgentPort } from "../config/agent-config.ts";
import { lazily } from "../config/lazily.ts";
import { hashTexts } from "../sandbox-identity.ts";
import type { AgentProgram } from "./agent-program.ts";

const planSchema = lazily(() =>
  z.object({
    port: z.int().check(z.minimum(1), z.maximum(65_535)),
    program: z.optional(
      z.object({ hash: z.string().check(z.regex(/^[0-9a-f]{32}$/)), sizeBytes: z.int() }),
    ),
    command: z.optional(z.union([z.string(), z.array(z.string())])),
    args: z.array(z.string()),
    env: z.record(z.string(), z.string()),
    health: z.object({ path: z.string(), timeoutMs: z.int().check(z.minimum(1)) }),
    cwd: z.string(),
  }),
);

const recordSchema = lazily(() =>
  z.object({
    version: z.literal(1),
    plan: planSchema(),
    processId: z.string().check(z.regex(/^[A-Za-z0-9]{1,64}$/)),
    attempt: z.int().check(z.minimum(0)),
    secretNames: z.array(z.string()),
  }),
);

/** All that is needed to start an agent, wherever its program comes from. */
export type AgentPlan = z.infer<ReturnType<typeof planSchema>>;

/** What the sandbox keeps about its agent, for whoever knows the sandbox's ID alone. Nothing secret is in it. */
export type AgentRecord = z.infer<ReturnType<typeof recordSchema>>;

export function planAgent(
  config: AgentConfig,
  program: AgentProgram | undefined,
  cwd: string,
): AgentPlan {
  const { command } = config;
  return {
    port: config.port ?? defaultAgentPort,
    ...(program === undefined
      ? {}
      : { program: { hash: program.hash, sizeBytes: program.bytes.length } }),
    ...(command === undefined
      ? {}
      : { command: typeof command === "string" ? command : [...command] }),
    args: [...(config.args ?? [])],
    env: { ...config.env },
    health: {
      path: config.health?.path ?? defaultAgentHealth.path,
      timeoutMs: config.health?.timeoutMs ?? defaultAgentHealth.timeoutMs,
    },
    cwd,
  };
}

/** Undefined when the file is no record of ours; programs of the sandbox can write it. */
export function readAgentRecord(text: string | undefined): AgentRecord | undefined {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const result = recordSchema().safeParse(value);
  return result.success ? result.data : undefined;
}

export function isSamePlan(left: AgentPlan, right: AgentPlan): boolean {
  return planHash(left) === planHash(right);
}

/** The same for every host that starts this plan at this attempt: of several one starts it. */
export function agentProcessId(sandboxId: string, plan: AgentPlan, attempt: number): string {
  return `agent${hashTexts([sandboxId, planHash(plan)])}x${attempt}`;
}

/** Independent of the order in which options and variables were written. */
function planHash({ port, program, command, args, env, health, cwd }: AgentPlan): string {
  const variables = Object.entries(env).toSorted(([left], [right]) => (left < right ? -1 : 1));
  const parts = [port, program?.hash, command, args, variables, health.path, health.timeoutMs, cwd];
  return hashTexts([JSON.stringify(parts)]);
}
