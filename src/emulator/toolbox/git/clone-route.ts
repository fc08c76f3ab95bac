import { posix } from "node:path";
import type { GitCloneRequest } from "@daytona/toolbox-api-client";
import * as z from "zod/mini";
import { sendEmpty } from "../../http/send.ts";
import { errorCode } from "../go-text.ts";
import { daemonPath, type ToolboxCall, type ToolboxRoutes } from "../toolbox-call.ts";
import { checkoutCommit } from "./checkout-route.ts";
import { classifyGit } from "./classify-git.ts";
import { gitFailure } from "./git-failure.ts";
import { flag, gitBody, loginOf, required, text } from "./git-request.ts";
import { refuseByFault, refuseSsh } from "./refusals.ts";
import { Repository } from "./repository.ts";
import { runGit } from "./run-git.ts";

const cloneSchema = z.object({
  url: required,
  path: required,
  branch: text,
  commit_id: text,
  username: text,
  password: text,
  insecure_skip_tls: flag,
  depth: z.nullish(z.int()),
} satisfies { [Field in keyof GitCloneRequest]-?: z.ZodMiniType });

type CloneBody = z.infer<typeof cloneSchema>;

export function addCloneRoute(routes: ToolboxRoutes): void {
  routes.add("POST", "/git/clone", { handle: clone });
}

async function clone(call: ToolboxCall): Promise<void> {
  const body = await gitBody(call, cloneSchema, "GitCloneRequest");
  refuseByFault(call);
  refuseSsh(call, body.url);
  if (await Repository.existsIn(call, body.path)) throw gitFailure(call, "repository-exists");
  const before = await contentOf(call, body.path);
  try {
    await fetchInto(call, body);
  } catch (error) {
    await takeBack(call, body.path, before);
    throw error;
  }
  // The library checks a commit out in a second step: when that fails, the clone stays.
  if (body.commit_id) await checkoutCommit(await Repository.open(call, body.path), body.commit_id);
  sendEmpty(call.response, 200);
}

/** A repository with one branch of the remote, checked out: what is in the directory already may be overwritten. */
async function fetchInto(call: ToolboxCall, body: CloneBody): Promise<void> {
  const { url, path, depth } = body;
  const network = {
    login: loginOf(body),
    skipTlsVerification: body.insecure_skip_tls === true,
  };
  await initialize(call, path);
  const repository = await Repository.open(call, path);
  const listed = await repository.git(
    ["ls-remote", "--symref", "--", remoteUrl(call, url)],
    network,
  );
  if (listed.trim() === "") throw gitFailure(call, "remote-repository-empty");
  const branch = body.branch || defaultBranch(listed);
  if (!branch || !listed.split("\n").some((line) => line.endsWith(`\trefs/heads/${branch}`)))
    throw gitFailure(
      call,
      "remote-branch-not-found",
      `couldn't find remote ref "refs/heads/${branch}"`,
    );
  await repository.git(["symbolic-ref", "HEAD", `refs/heads/${branch}`]);
  await repository.git(["remote", "add", "-t", branch, "--", "origin", remoteUrl(call, url)]);
  const shallow = depth && call.profile.newerRoutes ? ["--depth", String(depth)] : [];
  await repository.git(["fetch", "--quiet", ...shallow, "origin"], network);
  await repository.git(["reset", "--quiet", "--hard", `refs/remotes/origin/${branch}`]);
  await repository.git(["branch", "--quiet", `--set-upstream-to=origin/${branch}`]);
}

async function initialize(call: ToolboxCall, path: string): Promise<void> {
  const directory = daemonPath(call.engine, path);
  const made = await runGit(call, { args: ["init", "--quiet", "--", directory] });
  if (made.exitCode !== 0) throw classifyGit(call, made);
}

/** A URL without a scheme is a path of the sandbox, relative to where the daemon runs. */
function remoteUrl({ engine }: ToolboxCall, url: string): string {
  return url.includes("://") ? url : daemonPath(engine, url);
}

function defaultBranch(listed: string): string | undefined {
  return /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(listed)?.[1];
}

/** The names in a directory, or undefined when there is none. */
async function contentOf({ engine }: ToolboxCall, path: string): Promise<string[] | undefined> {
  try {
    const entries = await engine.files.list(daemonPath(engine, path));
    return entries.map(({ name }) => name);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "")) return undefined;
    throw error;
  }
}

/** As the library does: what was not there goes; of what was, a `.git` without content stays, and is in the way of a second try. */
async function takeBack(
  call: ToolboxCall,
  path: string,
  before: readonly string[] | undefined,
): Promise<void> {
  const { files } = call.engine;
  const directory = daemonPath(call.engine, path);
  if (before === undefined) await files.remove(directory, { recursive: true }).catch(ignoreMissing);
  else if (before.length === 0)
    for (const name of (await contentOf(call, path)) ?? [])
      await files.remove(posix.join(directory, name), { recursive: true });
}

function ignoreMissing(error: unknown): void {
  if (errorCode(error) !== "ENOENT") throw error;
}
