import type { UpdateEnvRequest } from "@daytona/toolbox-api-client";
import * as z from "zod/mini";
import { sendJson } from "../../http/send.ts";
import { sandboxEnvironment } from "../../state/sandbox-environment.ts";
import { invalidBody, parseDaemonBody } from "../parse-daemon-body.ts";
import { checkVariableNames } from "../run-script.ts";
import { badRequest, type ToolboxCall, type ToolboxRoutes } from "../toolbox-call.ts";
import { environmentOf } from "./environment-of.ts";

const envSchema = z.object({
  set: z.nullish(z.record(z.string(), z.string())),
  unset: z.nullish(z.array(z.string())),
  unsetValuePrefix: z.nullish(z.string()),
} satisfies { [Field in keyof UpdateEnvRequest]-?: z.ZodMiniType });

export function addEnvRoute(routes: ToolboxRoutes): void {
  routes.add("POST", "/env", { handle: updateEnv });
}

/** Changes the daemon's environment: what is started later has it, what runs does not. */
async function updateEnv(call: ToolboxCall): Promise<void> {
  const parsed = await parseDaemonBody(call, envSchema, "UpdateEnvRequest");
  if (!parsed.success) throw invalidBody(parsed.complaint);
  const { set, unset, unsetValuePrefix } = parsed.data;
  checkVariableNames(set ?? {});
  const bad = (unset ?? []).find((name) => name === "" || /[=\0]/.test(name));
  if (bad !== undefined) throw badRequest(`invalid environment variable name: '${bad}'`);
  environmentOf(call.daemon, call.entry.record).change(
    { set: set ?? {}, unset: unset ?? [], unsetValuePrefix: unsetValuePrefix ?? undefined },
    sandboxEnvironment(call.entry.record),
  );
  sendJson(call.response, 200, { message: "Environment updated successfully" });
}
