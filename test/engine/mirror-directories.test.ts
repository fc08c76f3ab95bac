import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { mirrorDirectories } from "../../src/engine/isolation/mirror-directories.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "engine-mirror-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const modeOf = (path: string): number => statSync(path).mode & 0o7777;

test("the mirror has the host's open directories, and becomes like the host again", () => {
  mirrorDirectories(["etc", "usr"], folder);
  expect(readdirSync(folder).sort()).toEqual(["etc", "usr"]);
  const open = readdirSync("/usr", { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && (modeOf(join("/usr", entry.name)) & 0o005) === 0o005)
    .map(({ name }) => name);
  expect(readdirSync(join(folder, "usr")).sort()).toEqual(open.sort());
  expect(modeOf(join(folder, "usr/local/bin"))).toBe((modeOf("/usr/local/bin") & 0o1777) | 0o700);

  mkdirSync(join(folder, "etc/no-longer-on-the-host/deep"), { recursive: true });
  rmSync(join(folder, "usr/local"), { recursive: true });
  mirrorDirectories(["etc", "usr"], folder);
  expect(readdirSync(join(folder, "etc"))).not.toContain("no-longer-on-the-host");
  expect(readdirSync(join(folder, "usr/local"))).toContain("bin");
});
