import type {
  GitAddRemoteRequest,
  GitInitRequest,
  GitResetRequest,
  GitRestoreRequest,
  ListRemotesResponse,
} from "@daytona/toolbox-api-client";
import * as z from "zod/mini";
import { sendEmpty, sendJson } from "../../http/send.ts";
import { badRequest, daemonPath, type ToolboxCall, type ToolboxRoutes } from "../toolbox-call.ts";
import { classifyGit } from "./classify-git.ts";
import { gitFailure } from "./git-failure.ts";
import { flag, gitBody, queryPath, required, text } from "./git-request.ts";
import { refuseByFault, refuseSsh } from "./refusals.ts";
import { Repository } from "./repository.ts";
import { runGit } from "./run-git.ts";

const initSchema = z.object({
  path: required,
  bare: flag,
  initial_branch: text,
} satisfies { [Field in keyof GitInitRequest]-?: z.ZodMiniType });

const resetSchema = z.object({
  path: required,
  mode: text,
  target: text,
  files: z.nullish(z.array(z.string())),
} satisfies { [Field in keyof GitResetRequest]-?: z.ZodMiniType });

const restoreSchema = z.object({
  path: required,
  files: z.array(z.string()),
  staged: flag,
  worktree: flag,
  source: text,
} satisfies { [Field in keyof GitRestoreRequest]-?: z.ZodMiniType });

const addRemoteSchema = z.object({
  path: required,
  name: required,
  url: required,
  fetch: flag,
  overwrite: flag,
} satisfies { [Field in keyof GitAddRemoteRequest]-?: z.ZodMiniType });

const resetModes = ["soft", "mixed", "hard", "merge", "keep"];

/** Calls that server 0.190 does not have. */
export function addNewerGitRoutes(routes: ToolboxRoutes): void {
  routes.add("POST", "/git/init", { handle: init });
  routes.add("POST", "/git/reset", { handle: reset });
  routes.add("POST", "/git/restore", { handle: restore });
  routes.add("GET", "/git/remotes", { handle: listRemotes });
  routes.add("POST", "/git/remotes", { handle: addRemote });
}

async function init(call: ToolboxCall): Promise<void> {
  const body = await gitBody(call, initSchema, "GitInitRequest");
  const options = [
    ...(body.bare ? ["--bare"] : []),
    ...(body.initial_branch ? [`--initial-branch=${body.initial_branch}`] : []),
  ];
  const directory = daemonPath(call.engine, body.path);
  const made = await runGit(call, { args: ["init", "--quiet", ...options, "--", directory] });
  if (made.exitCode !== 0) throw classifyGit(call, made);
  sendEmpty(call.response, 201);
}

async function reset(call: ToolboxCall): Promise<void> {
  const { path, mode, target, files } = await gitBody(call, resetSchema, "GitResetRequest");
  const kind = mode || "mixed";
  if (!resetModes.includes(kind)) throw badRequest(`invalid reset mode: ${kind}`);
  const isOfFiles = files != null && files.length > 0;
  if (isOfFiles && kind !== "mixed") throw badRequest(`cannot do a ${kind} reset with files`);
  const repository = await Repository.open(call, path);
  const commit = await revision(repository, target || "HEAD");
  if (isOfFiles)
    await repository.git(["--literal-pathspecs", "reset", "--quiet", commit, "--", ...files]);
  else await repository.git(["reset", "--quiet", `--${kind}`, commit, "--"]);
  sendEmpty(call.response, 200);
}

/** Without `staged` and `worktree` it is the working tree. */
async function restore(call: ToolboxCall): Promise<void> {
  const body = await gitBody(call, restoreSchema, "GitRestoreRequest");
  const repository = await Repository.open(call, body.path);
  const options = [
    ...(body.staged ? ["--staged"] : []),
    ...(body.worktree ? ["--worktree"] : []),
    ...(body.source ? [`--source=${await revision(repository, body.source)}`] : []),
  ];
  const args = ["--literal-pathspecs", "restore", "--quiet", ...options, "--", ...body.files];
  const restored = await repository.try(args);
  if (/did not match any file/.test(restored.stderr)) throw gitFailure(call, "entry-not-found");
  if (restored.exitCode !== 0) throw classifyGit(call, restored);
  sendEmpty(call.response, 200);
}

/** The commit that a name stands for, so that no name is taken for an option. */
async function revision(repository: Repository, name: string): Promise<string> {
  const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`];
  const { exitCode, stdout } = await repository.try(args);
  if (exitCode !== 0) throw gitFailure(repository.call, "reference-not-found");
  return stdout.trim();
}

async function listRemotes(call: ToolboxCall): Promise<void> {
  const repository = await Repository.open(call, queryPath(call));
  const args = ["config", "--local", "-z", "--get-regexp", "^remote\\..*\\.url$"];
  const { stdout } = await repository.try(args);
  const remotes = stdout
    .split("\0")
    .filter((line) => line !== "")
    .map((line) => {
      const [key = "", ...url] = line.split("\n");
      return { name: key.slice("remote.".length, -".url".length), url: url.join("\n") };
    });
  sendJson(call.response, 200, { remotes } satisfies ListRemotesResponse);
}

async function addRemote(call: ToolboxCall): Promise<void> {
  const body = await gitBody(call, addRemoteSchema, "GitAddRemoteRequest");
  const { name, url } = body;
  if (name.startsWith("-")) throw badRequest(`invalid remote name: ${name}`);
  if (body.fetch) refuseByFault(call);
  const repository = await Repository.open(call, body.path);
  const exists = await repository.says("config", "--local", "--get", `remote.${name}.url`);
  if (exists && !body.overwrite) throw gitFailure(call, "remote-exists");
  if (exists) await repository.git(["remote", "set-url", "--", name, url]);
  else await repository.git(["remote", "add", "--", name, url]);
  if (body.fetch) {
    refuseSsh(call, url);
    await repository.git(["fetch", "--quiet", "--", name]);
  }
  sendEmpty(call.response, 201);
}
