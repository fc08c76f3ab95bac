import type { GitPullRequest, GitPushRequest } from "@daytona/toolbox-api-client";
import * as z from "zod/mini";
import { sendEmpty } from "../../http/send.ts";
import type { ToolboxCall, ToolboxRoutes } from "../toolbox-call.ts";
import { classifyGit } from "./classify-git.ts";
import { gitFailure } from "./git-failure.ts";
import { flag, gitBody, loginOf, required, text } from "./git-request.ts";
import { refuseByFault, refuseSsh } from "./refusals.ts";
import { Repository } from "./repository.ts";
import type { GitLogin } from "./run-git.ts";

const pushSchema = z.object({
  path: required,
  username: text,
  password: text,
  branch: text,
  remote: text,
  set_upstream: flag,
} satisfies { [Field in keyof GitPushRequest]-?: z.ZodMiniType });

const pullSchema = z.object({
  path: required,
  username: text,
  password: text,
  branch: text,
  remote: text,
} satisfies { [Field in keyof GitPullRequest]-?: z.ZodMiniType });

export function addRemoteRoutes(routes: ToolboxRoutes): void {
  routes.add("POST", "/git/push", { handle: push });
  routes.add("POST", "/git/pull", { handle: pull });
}

/** Pushes one branch to the branch of the same name. */
async function push(call: ToolboxCall): Promise<void> {
  const body = await gitBody(call, pushSchema, "GitPushRequest");
  refuseByFault(call);
  const { newerRoutes } = call.profile;
  const repository = await Repository.open(call, body.path);
  const branch = (newerRoutes && body.branch) || (await repository.branch());
  if (branch === undefined || !(await repository.hasBranch(branch)))
    throw gitFailure(call, "reference-not-found");
  const remote = await remoteOf(repository, newerRoutes ? body.remote : undefined);
  const full = `refs/heads/${branch}`;
  const upstream = newerRoutes && body.set_upstream ? ["--set-upstream"] : [];
  const pushed = await repository.try(
    ["push", "--quiet", ...upstream, "--", remote, `${full}:${full}`],
    { login: loginOf(body) },
  );
  if (pushed.exitCode !== 0) throw pushFailure(call, pushed, full);
  sendEmpty(call.response, 200);
}

function pushFailure(
  call: ToolboxCall,
  outcome: Parameters<typeof classifyGit>[1],
  reference: string,
) {
  const { stderr } = outcome;
  const declined = /! \[remote rejected\].*\((.+)\)/.exec(stderr)?.[1];
  if (declined !== undefined)
    return gitFailure(call, "remote-rejected", `command error on ${reference}: ${declined}`);
  if (/! \[rejected\]/.test(stderr))
    return gitFailure(call, "push-rejected", `non-fast-forward update: ${reference}`);
  return classifyGit(call, outcome);
}

/** Fetches, and goes on to the remote's commit; never merges. */
async function pull(call: ToolboxCall): Promise<void> {
  const body = await gitBody(call, pullSchema, "GitPullRequest");
  refuseByFault(call);
  const repository = await Repository.open(call, body.path);
  const login = loginOf(body);
  if (call.profile.newerRoutes) {
    const remote = await remoteOf(repository, body.remote);
    const branch = body.branch ? [`refs/heads/${body.branch}`] : [];
    await repository.git(["pull", "--quiet", "--ff-only", "--no-rebase", "--", remote, ...branch], {
      login,
    });
  } else {
    await pullHead(repository, await remoteOf(repository, undefined), login);
  }
  sendEmpty(call.response, 200);
}

/** The older daemon takes the branch that is the remote's HEAD, whatever is checked out. */
async function pullHead(
  repository: Repository,
  remote: string,
  login: GitLogin | undefined,
): Promise<void> {
  await repository.git(["fetch", "--quiet", "--", remote], { login });
  await repository.git(["fetch", "--quiet", "--", remote, "HEAD"], { login });
  if (await repository.says("merge-base", "--is-ancestor", "FETCH_HEAD", "HEAD")) return;
  if (!(await repository.says("merge-base", "--is-ancestor", "HEAD", "FETCH_HEAD")))
    throw gitFailure(repository.call, "not-fast-forward");
  await repository.requireNoUnstagedChanges();
  await repository.git(["merge", "--quiet", "--ff-only", "FETCH_HEAD"]);
}

/** @throws DaemonError 404 when the repository has no such remote. */
async function remoteOf(repository: Repository, name: string | null | undefined): Promise<string> {
  const remote = name || "origin";
  const { exitCode, stdout } = await repository.try(["config", "--get", `remote.${remote}.url`]);
  if (exitCode !== 0) throw gitFailure(repository.call, "remote-not-found");
  refuseSsh(repository.call, stdout.trim());
  return remote;
}
