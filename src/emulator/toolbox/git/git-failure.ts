import { DaemonError } from "../../http/daemon-error.ts";
import type { ToolboxCall } from "../toolbox-call.ts";

/** What can go wrong with git, as the two daemons tell it apart. */
export type GitFailureKind = keyof typeof failures;

interface Answer {
  readonly status: number;
  readonly code: string;
  /** What the 0.190 daemon puts before the text of its git library. */
  readonly prefix?: string;
}

interface Failure {
  /** The text of the git library. */
  readonly text: string;
  readonly older: Answer;
  readonly newer: Answer;
}

const notFound: Answer = { status: 404, code: "NOT_FOUND", prefix: "not found: " };
const conflict: Answer = { status: 409, code: "CONFLICT", prefix: "conflict: " };
const internal: Answer = { status: 500, code: "INTERNAL_SERVER_ERROR" };
const repositoryMissing: Answer = { status: 404, code: "GIT_REPO_NOT_FOUND" };
const branchMissing: Answer = { status: 404, code: "GIT_BRANCH_NOT_FOUND" };
const dirty: Answer = { status: 409, code: "GIT_DIRTY_WORKTREE" };

// Texts: go-git 5; statuses and codes: Daytona v0.190 daemon, toolbox/git/errors.go. Newer codes and their statuses: the class
// map of SDK 0.218 and the newer server's OpenAPI description.
const failures = {
  "authentication-required": {
    text: "authentication required",
    older: { status: 401, code: "UNAUTHORIZED", prefix: "unauthorized: " },
    newer: { status: 401, code: "GIT_AUTH_FAILED" },
  },
  "authorization-failed": {
    text: "authorization failed",
    older: { status: 403, code: "FORBIDDEN", prefix: "forbidden: " },
    newer: { status: 403, code: "GIT_AUTH_FAILED" },
  },
  "remote-repository-not-found": {
    text: "repository not found",
    older: notFound,
    newer: repositoryMissing,
  },
  "remote-repository-empty": {
    text: "remote repository is empty",
    older: notFound,
    newer: repositoryMissing,
  },
  "repository-not-found": {
    text: "repository does not exist",
    older: notFound,
    newer: repositoryMissing,
  },
  "repository-exists": { text: "repository already exists", older: conflict, newer: conflict },
  "remote-not-found": { text: "remote not found", older: notFound, newer: notFound },
  "remote-exists": { text: "remote already exists", older: internal, newer: conflict },
  "reference-not-found": { text: "reference not found", older: notFound, newer: branchMissing },
  "object-not-found": { text: "object not found", older: notFound, newer: branchMissing },
  "remote-branch-not-found": {
    text: "couldn't find remote ref",
    older: internal,
    newer: branchMissing,
  },
  "branch-exists": {
    text: "a branch with this name already exists",
    older: internal,
    newer: { status: 409, code: "GIT_BRANCH_EXISTS" },
  },
  "unstaged-changes": {
    text: "worktree contains unstaged changes",
    older: conflict,
    newer: dirty,
  },
  "not-fast-forward": {
    text: "non-fast-forward update",
    older: conflict,
    newer: { status: 409, code: "GIT_MERGE_CONFLICT" },
  },
  "push-rejected": {
    text: "non-fast-forward update",
    older: internal,
    newer: { status: 409, code: "GIT_PUSH_REJECTED" },
  },
  "remote-rejected": {
    text: "command error: pre-receive hook declined",
    older: internal,
    newer: { status: 422, code: "GIT_REMOTE_REJECTED" },
  },
  "transport-failed": {
    text: "failed to reach the remote",
    older: internal,
    newer: { status: 502, code: "GIT_TRANSPORT_FAILED" },
  },
  "entry-not-found": { text: "entry not found", older: internal, newer: internal },
  "empty-commit": {
    text: "cannot create empty commit: clean working tree",
    older: internal,
    newer: internal,
  },
  other: { text: "git failed", older: internal, newer: internal },
} satisfies Readonly<Record<string, Failure>>;

/**
 * The daemon's answer.
 *
 * @param text - Default: the text of the git library that the kind stands for.
 */
export function gitFailure(
  { profile }: Pick<ToolboxCall, "profile">,
  kind: GitFailureKind,
  text?: string,
): DaemonError {
  const failure: Failure = failures[kind];
  const answer = profile.typedErrors ? failure.newer : failure.older;
  const message = `${answer.prefix ?? ""}${text ?? failure.text}`;
  return new DaemonError({ status: answer.status, code: answer.code, message });
}
