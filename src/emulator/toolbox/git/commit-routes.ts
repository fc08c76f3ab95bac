import type {
  GitAddRequest,
  GitCommitInfo,
  GitCommitRequest,
  GitCommitResponse,
} from "@daytona/toolbox-api-client";
import * as z from "zod/mini";
import { sendEmpty, sendJson } from "../../http/send.ts";
import type { ToolboxCall, ToolboxRoutes } from "../toolbox-call.ts";
import { classifyGit } from "./classify-git.ts";
import { gitFailure } from "./git-failure.ts";
import { flag, gitBody, queryPath, required } from "./git-request.ts";
import { Repository } from "./repository.ts";

const addSchema = z.object({
  path: required,
  files: z.array(z.string()),
} satisfies { [Field in keyof GitAddRequest]-?: z.ZodMiniType });

const commitSchema = z.object({
  path: required,
  message: required,
  author: required,
  email: required,
  allow_empty: flag,
} satisfies { [Field in keyof GitCommitRequest]-?: z.ZodMiniType });

export function addCommitRoutes(routes: ToolboxRoutes): void {
  routes.add("POST", "/git/add", { handle: add });
  routes.add("POST", "/git/commit", { handle: commit });
  routes.add("GET", "/git/history", { handle: history });
}

/** One file after the other, so that those before a missing one are added. Names are no patterns. */
async function add(call: ToolboxCall): Promise<void> {
  const { path, files } = await gitBody(call, addSchema, "GitAddRequest");
  const repository = await Repository.open(call, path);
  for (const file of files) {
    const added = await repository.try(["--literal-pathspecs", "add", "--all", "--", file]);
    if (added.exitCode === 0) continue;
    if (/did not match any files/.test(added.stderr)) throw gitFailure(call, "entry-not-found");
    // The library ignores `.gitignore` for a file that is named.
    if (!/paths are ignored/.test(added.stderr)) throw classifyGit(call, added);
    await repository.git(["--literal-pathspecs", "add", "--force", "--", file]);
  }
  sendEmpty(call.response, 200);
}

/** The author is the committer, and the message stays as it is. */
async function commit(call: ToolboxCall): Promise<void> {
  const body = await gitBody(call, commitSchema, "GitCommitRequest");
  const { message, author, email, allow_empty: allowEmpty } = body;
  const repository = await Repository.open(call, body.path);
  const made = await repository.try(
    [
      ...["-c", `user.name=${author}`, "-c", `user.email=${email}`],
      ...["commit", "--quiet", "--no-verify", "--cleanup=verbatim", "--allow-empty-message"],
      ...(allowEmpty ? ["--allow-empty"] : []),
      ...["--file", "-"],
    ],
    { input: message },
  );
  if (made.exitCode !== 0) {
    if (/nothing (added )?to commit|no changes added|nothing to commit/.test(made.stdout))
      throw gitFailure(call, "empty-commit");
    throw classifyGit(call, made);
  }
  const hash = (await repository.git(["rev-parse", "HEAD"])).trim();
  sendJson(call.response, 200, { hash } satisfies GitCommitResponse);
}

const entryFormat = ["%H", "%an", "%ae", "%aI", "%B"].join("%x00");

async function history(call: ToolboxCall): Promise<void> {
  const repository = await Repository.open(call, queryPath(call));
  const log = await repository.git(["log", "-z", `--format=tformat:${entryFormat}`, "HEAD", "--"]);
  const fields = log.split("\0");
  const entries: GitCommitInfo[] = [];
  for (let at = 0; at + 4 < fields.length; at += 5) {
    const [hash = "", author = "", email = "", when = "", message = ""] = fields.slice(at, at + 5);
    const timestamp = when.replace("+00:00", "Z");
    entries.push({ hash, author, email, message, timestamp });
  }
  sendJson(call.response, 200, entries);
}
