import type { GitFixture } from "../../src/testing/index.ts";
import type { startGitServer } from "./git-http-server.ts";

/** The repositories of a git server of this machine, as the conformance suite wants them. */
export function gitFixture({
  repositories,
  branches,
  commits,
  credentials,
}: Awaited<ReturnType<typeof startGitServer>>): GitFixture {
  return {
    public: {
      url: repositories.public,
      defaultBranch: branches.default,
      otherBranch: branches.other,
      olderCommit: commits.at(-1) ?? "",
    },
    private: { url: repositories.private, credentials },
    missing: { url: repositories.missing, kind: "repository-not-found" },
  };
}
