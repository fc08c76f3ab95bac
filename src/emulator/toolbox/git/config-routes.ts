import type {
  GitAuthenticateRequest,
  GitConfigResponse,
  GitConfigureUserRequest,
  GitSetConfigRequest,
} from "@daytona/toolbox-api-client";
import * as z from "zod/mini";
import { sendEmpty, sendJson } from "../../http/send.ts";
import { badRequest, type ToolboxCall, type ToolboxRoutes } from "../toolbox-call.ts";
import { classifyGit } from "./classify-git.ts";
import { gitBody, required, text } from "./git-request.ts";
import { Repository } from "./repository.ts";
import { type GitOutcome, runGit } from "./run-git.ts";

const setSchema = z.object({
  key: required,
  value: z.string(),
  scope: text,
  path: text,
} satisfies { [Field in keyof GitSetConfigRequest]-?: z.ZodMiniType });

const userSchema = z.object({
  name: required,
  email: required,
  scope: text,
  path: text,
} satisfies { [Field in keyof GitConfigureUserRequest]-?: z.ZodMiniType });

const loginSchema = z.object({
  username: required,
  password: required,
  host: text,
  protocol: text,
} satisfies { [Field in keyof GitAuthenticateRequest]-?: z.ZodMiniType });

/** Git's settings in the sandbox: calls that server 0.190 does not have. */
export function addGitConfigRoutes(routes: ToolboxRoutes): void {
  routes.add("GET", "/git/config", { handle: getConfig });
  routes.add("POST", "/git/config", { handle: setConfig });
  routes.add("POST", "/git/config/user", { handle: configureUser });
  routes.add("POST", "/git/credentials", { handle: storeLogin });
}

interface Place {
  readonly scope?: string | null | undefined;
  readonly path?: string | null | undefined;
}

/** Runs `git config` on the file of the scope. */
async function config(call: ToolboxCall, place: Place, ...args: string[]): Promise<GitOutcome> {
  const scope = place.scope || "global";
  if (!["global", "local", "system"].includes(scope)) throw badRequest(`invalid scope: ${scope}`);
  if (scope !== "local") return runGit(call, { args: ["config", `--${scope}`, ...args] });
  if (!place.path) throw badRequest("path is required when scope is local");
  const repository = await Repository.open(call, place.path);
  return repository.try(["config", "--local", ...args]);
}

async function set(call: ToolboxCall, place: Place, key: string, value: string): Promise<void> {
  const outcome = await config(call, place, "--replace-all", key, value);
  if (/invalid key|does not contain a section/.test(outcome.stderr))
    throw badRequest(`invalid key: ${key}`);
  if (outcome.exitCode !== 0) throw classifyGit(call, outcome);
}

async function setConfig(call: ToolboxCall): Promise<void> {
  const body = await gitBody(call, setSchema, "GitSetConfigRequest");
  await set(call, body, body.key, body.value);
  sendEmpty(call.response, 200);
}

/** The value, or null when the key is not set. */
async function getConfig(call: ToolboxCall): Promise<void> {
  const { query } = call;
  const key = query.get("key");
  if (!key) throw badRequest("key is required");
  const place = { scope: query.get("scope"), path: query.get("path") };
  const { exitCode, stdout, stderr } = await config(call, place, "-z", "--get", key);
  if (exitCode === 0)
    sendJson(call.response, 200, { value: stdout.replace(/\0$/, "") } satisfies GitConfigResponse);
  else if (/invalid key|does not contain a section/.test(stderr))
    throw badRequest(`invalid key: ${key}`);
  else sendJson(call.response, 200, { value: null });
}

async function configureUser(call: ToolboxCall): Promise<void> {
  const body = await gitBody(call, userSchema, "GitConfigureUserRequest");
  await set(call, body, "user.name", body.name);
  await set(call, body, "user.email", body.email);
  sendEmpty(call.response, 200);
}

/** The one call that stores a login in the sandbox, readable for everything there: its name in the SDK warns of it. */
async function storeLogin(call: ToolboxCall): Promise<void> {
  const body = await gitBody(call, loginSchema, "GitAuthenticateRequest");
  const { username, password } = body;
  const host = body.host || "github.com";
  const protocol = body.protocol || "https";
  const lines = { protocol, host, username, password };
  if (Object.values(lines).some((value) => /[\n\0]/.test(value)))
    throw badRequest("credentials must not contain line breaks");
  const input = Object.entries(lines).map(([name, value]) => `${name}=${value}\n`);
  await set(call, { scope: "global" }, "credential.helper", "store");
  const stored = await runGit(call, {
    args: ["-c", "credential.helper=store", "credential", "approve"],
    input: `${input.join("")}\n`,
  });
  if (stored.exitCode !== 0) throw classifyGit(call, stored);
  sendEmpty(call.response, 200);
}
