import type {
  GitBranchRequest,
  GitDeleteBranchRequest,
  ListBranchResponse,
} from "@daytona/toolbox-api-client";
import * as z from "zod/mini";
import { sendEmpty, sendJson } from "../../http/send.ts";
import type { ToolboxCall, ToolboxRoutes } from "../toolbox-call.ts";
import { gitFailure } from "./git-failure.ts";
import { gitBody, queryPath, required } from "./git-request.ts";
import { Repository } from "./repository.ts";

const branchSchema = z.object({
  path: required,
  name: required,
} satisfies { [Field in keyof (GitBranchRequest & GitDeleteBranchRequest)]-?: z.ZodMiniType });

export function addBranchRoutes(routes: ToolboxRoutes): void {
  routes.add("GET", "/git/branches", { handle: listBranches });
  routes.add("POST", "/git/branches", { handle: createBranch });
  routes.add("DELETE", "/git/branches", { handle: deleteBranch });
}

async function listBranches(call: ToolboxCall): Promise<void> {
  const repository = await Repository.open(call, queryPath(call));
  const listed = await repository.git(["for-each-ref", "--format=%(refname)", "refs/heads/"]);
  const branches = listed
    .split("\n")
    .filter((line) => line !== "")
    .map((reference) => reference.replace(/^refs\/heads\//, ""));
  if (call.profile.newerRoutes) {
    const current = (await repository.branch()) ?? "";
    sendJson(call.response, 200, { branches, current } satisfies ListBranchResponse);
  } else {
    // An empty list of Go that nothing was added to.
    sendJson(call.response, 200, { branches: branches.length > 0 ? branches : null });
  }
}

/** Creates a branch and checks it out. */
async function createBranch(call: ToolboxCall): Promise<void> {
  const { path, name } = await gitBody(call, branchSchema, "GitBranchRequest");
  const repository = await Repository.open(call, path);
  const full = `refs/heads/${name}`;
  if (await repository.hasBranch(name))
    throw gitFailure(call, "branch-exists", `a branch named "${full}" already exists`);
  if (!(await repository.says("rev-parse", "--verify", "--quiet", "HEAD")))
    throw gitFailure(call, "reference-not-found");
  if (!(await repository.says("check-ref-format", full)))
    throw gitFailure(call, "other", "invalid reference name");
  if (!call.profile.newerRoutes) await repository.requireNoUnstagedChanges();
  await repository.git(["checkout", "--quiet", "-b", name, "--no-track", "HEAD"]);
  sendEmpty(call.response, 201);
}

/** Takes the reference away, whether it is there, checked out, or neither. */
async function deleteBranch(call: ToolboxCall): Promise<void> {
  const { path, name } = await gitBody(call, branchSchema, "GitDeleteBranchRequest");
  const repository = await Repository.open(call, path);
  if (await repository.hasBranch(name))
    await repository.git(["update-ref", "-d", `refs/heads/${name}`]);
  sendEmpty(call.response, 204);
}
