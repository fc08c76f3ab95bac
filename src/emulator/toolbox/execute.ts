import type { ExecuteResponse } from "@daytona/toolbox-api-client";
import * as z from "zod/mini";
import { sendJson } from "../http/send.ts";
import { goText } from "./go-text.ts";
import { checkVariableNames, runScript } from "./run-script.ts";
import {
  badRequest,
  daemonPath,
  readDaemonJson,
  type ToolboxCall,
  type ToolboxRoutes,
  workDirectory,
} from "./toolbox-call.ts";

const executeSchema = z.object({
  command: z.string(),
  cwd: z.nullish(z.string()),
  envs: z.nullish(z.record(z.string(), z.string())),
  timeout: z.nullish(z.int().check(z.minimum(0))),
});

type ExecuteBody = z.infer<typeof executeSchema>;

export function addExecuteRoute(routes: ToolboxRoutes): void {
  routes.add("POST", "/process/execute", { handle: execute });
}

/** A client that leaves cancels nothing. */
async function execute(call: ToolboxCall): Promise<void> {
  const { command, cwd, envs, timeout } = await parseExecute(call);
  const { exitCode, output } = await runScript(call, {
    text: command,
    cwd: cwd ? daemonPath(call.engine, cwd) : workDirectory(call.engine),
    env: envs ?? {},
    timeoutSeconds: timeout ?? 0,
  });
  sendJson(call.response, 200, { exitCode, result: goText(output) } satisfies ExecuteResponse);
}

async function parseExecute(call: ToolboxCall): Promise<ExecuteBody> {
  const parsed = executeSchema.safeParse(await readDaemonJson(call));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw badRequest(`invalid request body: ${issue?.path.join(".")}: ${issue?.message}`);
  }
  const body = parsed.data;
  if (body.command.trim() === "") throw badRequest("command cannot be empty or whitespace-only");
  checkVariableNames(body.envs ?? {});
  return body;
}
