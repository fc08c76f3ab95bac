import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { demoBranches, demoHistory, demoTag } from "./demo-history.ts";
import { serveWithGit } from "./git-http-backend.ts";
import { runGit } from "./run-git.ts";

export interface GitServer extends AsyncDisposable {
  /** Address of the server on this machine's loopback, without a slash at its end. */
  readonly url: string;
  /** Addresses of its repositories; `missing` does not exist. */
  readonly repositories: {
    readonly public: string;
    readonly private: string;
    readonly empty: string;
    readonly missing: string;
  };
  /** What the private repository asks for. */
  readonly credentials: { readonly username: string; readonly password: string };
  readonly branches: { readonly default: string; readonly other: string };
  readonly tag: string;
  /** Commits of the default branch, newest first. */
  readonly commits: readonly string[];
  close(): Promise<void>;
}

export interface GitServerOptions {
  /** Default: user `demo` and a random password. */
  readonly credentials?: { readonly username: string; readonly password: string };
}

/**
 * Starts a git server that speaks smart HTTP over real repositories, on loopback and any free port.
 *
 * `public` and `empty` can be read and pushed to by everybody, `private` with the credentials; both histories are the same.
 * Needs git on this machine. `close()` ends it and removes the repositories.
 */
export async function startGitServer(options: GitServerOptions = {}): Promise<GitServer> {
  const credentials = options.credentials ?? {
    username: "demo",
    password: `demo-${crypto.randomUUID()}`,
  };
  const root = await mkdtemp(join(tmpdir(), "git-http-server-"));
  const children = new Set<ChildProcess>();
  const server = createServer((request, response) => {
    const isPrivate = request.url?.startsWith("/private.git/") === true;
    const user = isPrivate ? authenticatedUser(request, credentials) : undefined;
    if (isPrivate && user === undefined) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' });
      response.end("Authentication required.\n");
      return;
    }
    const child = serveWithGit(request, response, root, user);
    children.add(child);
    child.on("close", () => children.delete(child));
  });

  const close = async (): Promise<void> => {
    if (server.listening) {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    }
    const running = [...children].map((child) => once(child, "close"));
    for (const child of children) child.kill();
    await Promise.all(running);
    await rm(root, { recursive: true, force: true });
  };

  try {
    await Promise.all([
      createRepository(join(root, "public.git"), demoHistory()),
      createRepository(join(root, "private.git"), demoHistory()),
      createRepository(join(root, "empty.git"), undefined),
    ]);
    const log = await runGit(["-C", join(root, "public.git"), "log", "--format=%H", "main"]);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return {
      url,
      repositories: {
        public: `${url}/public.git`,
        private: `${url}/private.git`,
        empty: `${url}/empty.git`,
        missing: `${url}/missing.git`,
      },
      credentials,
      branches: demoBranches,
      tag: demoTag,
      commits: log.trim().split("\n"),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function createRepository(path: string, history: string | undefined): Promise<void> {
  await runGit(["init", "--quiet", "--bare", `--initial-branch=${demoBranches.default}`, path]);
  await runGit(["-C", path, "config", "http.receivepack", "true"]);
  // A clone can then start at any commit, as on the large hosts.
  await runGit(["-C", path, "config", "uploadpack.allowAnySHA1InWant", "true"]);
  if (history !== undefined) await runGit(["-C", path, "fast-import", "--quiet"], history);
}

function authenticatedUser(
  request: IncomingMessage,
  credentials: { readonly username: string; readonly password: string },
): string | undefined {
  const expected = Buffer.from(`${credentials.username}:${credentials.password}`);
  const isRight = request.headers.authorization === `Basic ${expected.toString("base64")}`;
  return isRight ? credentials.username : undefined;
}
