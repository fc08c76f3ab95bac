import type { GitErrorKind } from "../../contract/file-errors.ts";

/** Git has no codes, so its words in the C locale decide; the first that matches wins. */
const patterns: readonly (readonly [RegExp, GitErrorKind])[] = [
  [
    /authentication failed|could not read (username|password)|terminal prompts disabled|access denied|permission denied|returned error: 40[13]|unable to read askpass/i,
    "authentication-failed",
  ],
  [
    /could not resolve host|failed to connect|couldn't connect|connection (refused|reset|timed out)|network is unreachable|operation too slow|early eof|the remote end hung up/i,
    "unreachable",
  ],
  [
    /not our ref|did not contain|unadvertised object|reference is not a tree|bad object|no such remote ref/i,
    "commit-not-found",
  ],
  [
    /repository .* (not found|does not exist)|does not appear to be a git repository|returned error: 404|no such repository/i,
    "repository-not-found",
  ],
];

export function gitErrorKind(stderr: string): GitErrorKind {
  return patterns.find(([pattern]) => pattern.test(stderr))?.[1] ?? "failed";
}
