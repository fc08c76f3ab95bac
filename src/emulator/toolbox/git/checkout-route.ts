import type { GitCheckoutRequest } from "@daytona/toolbox-api-client";
import * as z from "zod/mini";
import { sendEmpty } from "../../http/send.ts";
import type { ToolboxCall, ToolboxRoutes } from "../toolbox-call.ts";
import { gitFailure } from "./git-failure.ts";
import { gitBody, required } from "./git-request.ts";
import { Repository } from "./repository.ts";

const checkoutSchema = z.object({
  path: required,
  branch: required,
} satisfies { [Field in keyof GitCheckoutRequest]-?: z.ZodMiniType });

export function addCheckoutRoute(routes: ToolboxRoutes): void {
  routes.add("POST", "/git/checkout", { handle: checkout });
}

/** A branch, else a commit. */
async function checkout(call: ToolboxCall): Promise<void> {
  const { path, branch } = await gitBody(call, checkoutSchema, "GitCheckoutRequest");
  const repository = await Repository.open(call, path);
  if (await repository.hasBranch(branch)) await checkoutBranch(repository, branch);
  else if (call.profile.newerRoutes) await checkoutCommit(repository, branch, explained(branch));
  else await checkoutAsHash(repository, branch);
  sendEmpty(call.response, 200);
}

async function checkoutBranch(repository: Repository, branch: string): Promise<void> {
  if (!repository.call.profile.newerRoutes) await repository.requireNoUnstagedChanges();
  await repository.git(["checkout", "--quiet", "--no-guess", branch, "--"]);
}

/** What is no branch is taken for a hash, of which an empty one stands for `master`. */
async function checkoutAsHash(repository: Repository, name: string): Promise<void> {
  const { call } = repository;
  const hash = hashOf(name);
  if (!/^0+$/.test(hash)) return checkoutCommit(repository, hash, explained(name));
  if (!(await repository.hasBranch("master")))
    throw gitFailure(call, "reference-not-found", explained(name)("reference not found"));
  await checkoutBranch(repository, "master");
}

function explained(name: string): (reason: string) => string {
  return (reason) => `failed to checkout branch or commit '${name}': ${reason}`;
}

/** @throws DaemonError 404 when the object is missing; the older daemon has by then put HEAD on it. */
export async function checkoutCommit(
  repository: Repository,
  commit: string,
  explain: (reason: string) => string = (reason) => reason,
): Promise<void> {
  const { call } = repository;
  const isNewer = call.profile.newerRoutes;
  const hash = isNewer ? commit : hashOf(commit);
  if (commit.startsWith("-") || !(await repository.says("cat-file", "-e", `${hash}^{commit}`))) {
    if (!isNewer) await repository.detachBlindly(hash);
    throw gitFailure(call, "object-not-found", explain("object not found"));
  }
  if (!isNewer) await repository.requireNoUnstagedChanges();
  await repository.git(["checkout", "--quiet", "--detach", hash]);
}

/** The hash that the library reads: pairs of hexadecimal digits up to the first that is none, then zeros. */
function hashOf(text: string): string {
  const pairs = /^(?:[0-9a-f]{2})*/i.exec(text)?.[0] ?? "";
  return pairs.slice(0, 40).toLowerCase().padEnd(40, "0");
}
