import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let root: string | undefined;

/**
 * Gives the tests a temporary folder of their own, in which ext4 puts each folder in another part of the disk. The tests remove some ten
 * thousand files a minute, and ext4 looks at all that were removed from a part lately before it makes one there.
 */
export function setup(): void {
  // Once for each project.
  if (process.env.SANDBOX_BACKEND_TEST_ROOT !== undefined) return;
  root = mkdtempSync(join(tmpdir(), "tests-"));
  // For the users that tests run as.
  chmodSync(root, 0o1777);
  // A hint: other file systems do not have it.
  spawnSync("chattr", ["+T", root]);
  process.env.SANDBOX_BACKEND_TEST_ROOT = root;
  process.env.TMPDIR = root;
}

export function teardown(): void {
  if (root !== undefined) rmSync(root, { recursive: true, force: true, maxRetries: 3 });
}
