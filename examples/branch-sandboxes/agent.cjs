/**
 * The program that the host app puts into each sandbox: it tells over HTTP what it sees there. Plain Node, so that any image with
 * `node` can run it.
 */
const { execFile } = require("node:child_process");
const { createServer } = require("node:http");
const { promisify } = require("node:util");

const port = Number(process.env.SANDBOX_AGENT_PORT ?? 7422);

async function git(...args) {
  const { stdout } = await promisify(execFile)("git", args);
  return stdout.trim();
}

async function describe() {
  const [branch, commit, files] = await Promise.all([
    git("rev-parse", "--abbrev-ref", "HEAD"),
    git("rev-parse", "--short", "HEAD"),
    git("ls-files"),
  ]);
  return { branch, commit, files: files.split("\n").length, task: process.env.BRANCH_TASK ?? null };
}

const server = createServer((_request, response) => {
  describe().then(
    (description) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(description));
    },
    (error) => {
      response.statusCode = 500;
      response.end(String(error));
    },
  );
});
server.listen(port, () => console.log(`The agent listens on ${port}.`));
