import { type ChildProcess, spawn } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { gitEnvironment } from "./run-git.ts";

/** Answers one request with `git http-backend`, the CGI program that is part of git. */
export function serveWithGit(
  request: IncomingMessage,
  response: ServerResponse,
  repositoryRoot: string,
  remoteUser: string | undefined,
): ChildProcess {
  const url = new URL(request.url ?? "/", "http://localhost");
  const child = spawn("git", ["http-backend"], {
    stdio: ["pipe", "pipe", "ignore"],
    env: {
      ...gitEnvironment(),
      GIT_PROJECT_ROOT: repositoryRoot,
      GIT_HTTP_EXPORT_ALL: "1",
      REQUEST_METHOD: request.method,
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers["content-type"],
      CONTENT_LENGTH: request.headers["content-length"],
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"],
      GIT_PROTOCOL: request.headers["git-protocol"]?.toString(),
      REMOTE_ADDR: request.socket.remoteAddress,
      REMOTE_USER: remoteUser,
    },
  });
  child.on("error", (error) => response.destroy(error));
  response.on("close", () => child.kill());
  // A client that leaves, or git that has read enough, ends the pipe; neither is an error of the server.
  child.stdin.on("error", () => {});
  request.pipe(child.stdin);
  forwardCgiAnswer(child.stdout, response);
  return child;
}

/** A CGI answer is header lines, an empty line, and the body; `Status` among the headers is the HTTP status. */
function forwardCgiAnswer(stdout: NodeJS.ReadableStream, response: ServerResponse): void {
  let head = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end === -1) return;
    stdout.removeListener("data", onData);
    let status = 200;
    for (const line of head.subarray(0, end).toString("latin1").split("\r\n")) {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon);
      const value = line.slice(colon + 1).trim();
      if (name.toLowerCase() === "status") status = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.writeHead(status);
    response.write(head.subarray(end + 4));
    stdout.pipe(response);
  };
  stdout.on("data", onData);
  stdout.on("end", () => {
    if (response.headersSent) return;
    response.writeHead(500, { "content-type": "text/plain" });
    response.end("git http-backend gave no answer.\n");
  });
}
