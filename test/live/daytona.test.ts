import { randomUUID } from "node:crypto";
import { config as loadEnvironmentFile } from "dotenv";
import { describe, test } from "vitest";
import { createBackend } from "../../src/create-backend.ts";
import { runConformance } from "../helpers/run-conformance.ts";

loadEnvironmentFile({ quiet: true });
const apiKey = process.env.DAYTONA_API_KEY;
const apiUrl = process.env.DAYTONA_API_URL ?? "https://app.daytona.io/api";

if (apiKey === undefined || apiKey === "") {
  test.skip("the conformance suite against Daytona itself (set DAYTONA_API_KEY in the environment or in .env)", () => {});
} else {
  // The account may be in use, so everything is told apart by an owner of this run.
  const owner = `conformance-live-${randomUUID()}`;

  describe("Daytona itself", () => {
    runConformance({
      name: "daytona (live)",
      createBackend: (config) => createBackend("daytona", { ...config, apiKey, apiUrl }),
      listSandboxIds: () => listSandboxIds(apiKey, owner),
      owner,
      secrets: [apiKey],
      patience: 4,
      git: {
        public: {
          url: "https://github.com/octocat/Hello-World.git",
          defaultBranch: "master",
          otherBranch: "octocat-patch-1",
          olderCommit: "553c2077f0edc3d5dc5d17262f6aa498e69d6f8e",
        },
        // GitHub asks for a password where a repository does not exist, so as not to tell.
        missing: {
          url: "https://github.com/octocat/no-such-repository-of-octocat.git",
          kind: "authentication-failed",
        },
      },
    });
  });
}

interface ListPage {
  readonly items: ReadonlyArray<{ readonly id: string }>;
  readonly nextCursor?: string | null;
}

/** Daytona's own list, asked over plain HTTP: `GET /sandbox` of its API. */
async function listSandboxIds(key: string, owner: string): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const query = new URLSearchParams({
      labels: JSON.stringify({ "sandbox-backend.owner": owner }),
    });
    if (cursor !== undefined) query.set("cursor", cursor);
    const response = await fetch(`${apiUrl}/sandbox?${query}`, {
      headers: { authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(30_000),
    });
    if (!response.ok) throw new Error(`The list of sandboxes answered ${response.status}`);
    const page = (await response.json()) as ListPage;
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return ids;
}
