import type { DaemonError } from "../../http/daemon-error.ts";
import type { ToolboxCall } from "../toolbox-call.ts";
import { type GitFailureKind, gitFailure } from "./git-failure.ts";
import type { GitOutcome } from "./run-git.ts";

const patterns: readonly (readonly [RegExp, GitFailureKind])[] = [
  [
    /authentication failed|could not read (username|password)|terminal prompts disabled|invalid username or password|returned error: 401/i,
    "authentication-required",
  ],
  [/returned error: 403|remote: permission .*denied/i, "authorization-failed"],
  [
    /returned error: 404|repository '.*' (does not exist|not found)|repository not found|does not appear to be a git repository/i,
    "remote-repository-not-found",
  ],
  [/couldn't find remote ref|remote branch .* not found/i, "remote-branch-not-found"],
  [/not a git repository|cannot change to '.*': /i, "repository-not-found"],
  [/no such remote/i, "remote-not-found"],
  [/! \[remote rejected\]/i, "remote-rejected"],
  [/non-fast-forward|fetch first|updates were rejected|stale info/i, "push-rejected"],
  [
    /not possible to fast-forward|diverging branches|refusing to merge unrelated/i,
    "not-fast-forward",
  ],
  [
    /local changes .* would be overwritten|commit your changes or stash them|needs merge|unmerged files/i,
    "unstaged-changes",
  ],
  [/bad object|reference is not a tree|unable to read tree/i, "object-not-found"],
  [
    /src refspec .* does not match any|not currently on a branch|unknown revision|does not have any commits|no tracking information|did not specify a branch|needed a single revision|ambiguous argument|could not resolve/i,
    "reference-not-found",
  ],
];

/** The daemon's answer to what git wrote. */
export function classifyGit(call: ToolboxCall, { stderr }: GitOutcome): DaemonError {
  const transport = transportText(stderr);
  if (transport !== undefined) return gitFailure(call, "transport-failed", transport);
  const found = patterns.find(([pattern]) => pattern.test(stderr));
  if (found) return gitFailure(call, found[1]);
  return gitFailure(call, "other", lastComplaint(stderr));
}

/** What Go's network packages say where git's say something else. */
function transportText(stderr: string): string | undefined {
  const address = /unable to access '([^']+?)\/?'/.exec(stderr)?.[1];
  const request = `Get "${address ?? ""}/info/refs?service=git-upload-pack": `;
  const host = /could not resolve host: (\S+)/i.exec(stderr)?.[1];
  if (host !== undefined) return `${request}dial tcp: lookup ${host}: no such host`;
  const refused = /failed to connect to (\S+) port (\d+)/i.exec(stderr);
  if (refused) return `${request}dial tcp ${refused[1]}:${refused[2]}: connect: connection refused`;
  const certificate = /(?:server certificate verification failed|SSL certificate problem)[^\n]*/i;
  if (certificate.test(stderr))
    return `${request}tls: failed to verify certificate: x509: certificate signed by unknown authority`;
  if (/unable to access|RPC failed|early EOF|hung up unexpectedly/i.test(stderr)) {
    const isAnswered = /returned error: 4\d\d/.test(stderr);
    return isAnswered ? undefined : `${request}${lastComplaint(stderr)}`;
  }
  return undefined;
}

function lastComplaint(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => /^(fatal|error): /.test(line));
  return (lines.at(0) ?? stderr.trim()).replace(/^(fatal|error): /, "") || "git failed";
}
