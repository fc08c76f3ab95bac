import type { FileStatus, GitStatus, Status } from "@daytona/toolbox-api-client";
import { sendJson } from "../../http/send.ts";
import type { ToolboxCall, ToolboxRoutes } from "../toolbox-call.ts";
import { gitFailure } from "./git-failure.ts";
import { queryPath } from "./git-request.ts";
import { Repository } from "./repository.ts";

export function addStatusRoute(routes: ToolboxRoutes): void {
  routes.add("GET", "/git/status", { handle: status });
}

// Renames are two changes each: the real daemon's library does not look for them.
const porcelain = [
  "status",
  "--porcelain=v2",
  "--branch",
  "-z",
  "--untracked-files=all",
  "--no-renames",
];

async function status(call: ToolboxCall): Promise<void> {
  const repository = await Repository.open(call, queryPath(call));
  if (repository.isBare)
    throw gitFailure(call, "other", "worktree not available in a bare repository");
  const report = parseReport(await repository.git(porcelain));
  if (report.isUnborn) throw gitFailure(call, "reference-not-found");
  const { fileStatus, head, upstream, ahead, behind } = report;
  const isDetached = head === "(detached)";
  const isPublished = upstream !== "" && ahead !== undefined;
  sendJson(call.response, 200, {
    currentBranch: isDetached ? "HEAD" : head,
    fileStatus,
    branchPublished: isPublished,
    ahead: ahead ?? 0,
    behind: behind ?? 0,
    ...(call.profile.newerRoutes && {
      detached: isDetached,
      upstream: isPublished ? upstream : "",
    }),
  } satisfies GitStatus);
}

interface Report {
  readonly isUnborn: boolean;
  readonly head: string;
  readonly upstream: string;
  /** Undefined without an upstream branch that has been fetched. */
  readonly ahead: number | undefined;
  readonly behind: number | undefined;
  readonly fileStatus: FileStatus[];
}

function parseReport(output: string): Report {
  const headers = new Map<string, string>();
  const files = new Map<string, FileStatus>();
  for (const record of output.split("\0")) {
    const [, header, value = ""] = /^# (\S+) ?(.*)$/s.exec(record) ?? [];
    if (header !== undefined) headers.set(header, value);
    else if (record !== "") addFile(files, record);
  }
  const [, ahead, behind] = /^\+(\d+) -(\d+)$/.exec(headers.get("branch.ab") ?? "") ?? [];
  return {
    isUnborn: headers.get("branch.oid") === "(initial)",
    head: headers.get("branch.head") ?? "",
    upstream: headers.get("branch.upstream") ?? "",
    ahead: ahead === undefined ? undefined : Number(ahead),
    behind: behind === undefined ? undefined : Number(behind),
    fileStatus: [...files.values()],
  };
}

function addFile(files: Map<string, FileStatus>, record: string): void {
  const [kind, letters = ""] = record.split(" ", 2);
  // `1 XY sub mH mI mW hH hI path`, `u XY sub m1 m2 m3 mW h1 h2 h3 path`, `? path`.
  const fieldsBeforePath = kind === "1" ? 8 : kind === "u" ? 10 : 1;
  const name = record.split(" ").slice(fieldsBeforePath).join(" ");
  if (kind === "?") files.set(name, file(name, "Untracked", "Untracked"));
  else if (kind === "u")
    files.set(name, file(name, "Updated but unmerged", "Updated but unmerged"));
  else files.set(name, file(name, word(letters[0]), word(letters[1])));
}

function file(name: string, staging: Status, worktree: Status): FileStatus {
  return { name, extra: "", staging, worktree };
}

const words: Readonly<Record<string, Status>> = {
  A: "Added",
  D: "Deleted",
  M: "Modified",
  T: "Modified",
};

function word(letter = "."): Status {
  return words[letter] ?? "Unmodified";
}
