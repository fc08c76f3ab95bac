/**
 * A host app that works on many branches side by side: each branch gets a sandbox of its own with an agent in it, a terminal,
 * files of the host app, and gates that must pass. At the end a table, and nothing is left; Ctrl-C tears down, too.
 *
 *     npm run example:branches
 *     npm run example:branches -- --branches main,feature/louder --gate ./test.sh
 *     npm run example:branches -- --repo https://github.com/you/repository --branches main,next --gate "npm test"
 */
import { parseArgs } from "node:util";
import { config } from "dotenv";
import { openProvider } from "../quickstart/provider.ts";
import { type BranchTask, runBranch } from "./branch-run.ts";
import { reportTable } from "./report-table.ts";

config({ quiet: true });

const { values: flags } = parseArgs({
  options: {
    repo: { type: "string" },
    branches: { type: "string" },
    gate: { type: "string", multiple: true },
  },
});

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

// A second Ctrl-C ends the process at once, as it would without us.
const interrupted = new AbortController();
process.once("SIGINT", () => {
  say("\nInterrupted: tearing down. Once more ends without it.");
  interrupted.abort();
});

await using provider = await openProvider(flags.repo, say);
Object.assign(process.env, provider.environment);

const branchNames = flags.branches?.split(",") ?? [
  "main",
  "feature/louder",
  "new-greeting",
  "broken-greeting",
];
const gates = flags.gate ?? (provider.isDemoRepository ? ["./test.sh", "git diff --check"] : []);

say(`${branchNames.length} branches of ${provider.repoUrl}\nat ${provider.description}\n`);
const reports = await Promise.all(
  branchNames.map((branchName, index) =>
    runBranch(taskOf(branchName), {
      repoUrl: provider.repoUrl,
      gates,
      // The emulator's sandboxes share this machine's network, where a port has one listener.
      agentPort: provider.isDemoRepository ? 7422 + index : 7422,
      workDir: provider.workDir,
      signal: interrupted.signal,
      say: (name, text) => say(`[${name}] ${text}`),
    }),
  ),
);
say(`\n${reportTable(reports)}`);
const left = provider.sandboxesLeft();
if (left !== undefined) say(`\n  ${left} sandboxes are left at the emulator.`);
const isGood = reports.every(({ failure, isTornDown }) => failure === undefined && isTornDown);
if (!isGood || (left ?? 0) > 0) process.exitCode = 1;

/** What the host app does in a branch. One of the demo's breaks the tests, so that a gate shows red. */
function taskOf(branchName: string): BranchTask {
  const note = { "NOTES.md": `# ${branchName}\n\nWritten by the host app.\n` };
  if (branchName !== "broken-greeting" || !provider.isDemoRepository)
    return { branchName, edits: note };
  return { branchName, edits: { ...note, "greet.sh": "#!/bin/sh\necho 'Good bye!'\n" } };
}
