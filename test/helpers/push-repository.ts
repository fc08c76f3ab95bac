import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runGit } from "../../examples/quickstart/demo-repository/run-git.ts";

export interface PushedFile {
  readonly path: string;
  readonly content?: string;
  readonly executable?: boolean;
  /** Target of a symbolic link. */
  readonly linkTo?: string;
}

/** Makes one commit of these files the default branch of an empty repository that anybody may push to. */
export async function pushRepository(url: string, files: readonly PushedFile[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "push-repository-"));
  const git = (...args: string[]): Promise<string> =>
    runGit(["-C", folder, "-c", "user.name=Test", "-c", "user.email=test@example.com", ...args]);
  try {
    await git("init", "--quiet", "--initial-branch=main");
    for (const { path, content = "", executable, linkTo } of files) {
      const target = join(folder, path);
      await mkdir(dirname(target), { recursive: true });
      if (linkTo === undefined) await writeFile(target, content);
      else await symlink(linkTo, target);
      if (executable === true) await chmod(target, 0o755);
    }
    await git("add", "--all");
    await git("commit", "--quiet", "--allow-empty", "--message=All of them");
    await git("push", "--quiet", "--force", url, "main");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
