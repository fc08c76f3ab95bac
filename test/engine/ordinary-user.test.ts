import { spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runScript } from "./run-script.ts";

const NOBODY = 65_534;
/** Root of a user namespace may be unable to become another user. */
const isRoot = process.getuid?.() === 0 && canBecomeNobody();
const AS_NOBODY = [
  "setpriv",
  `--reuid=${NOBODY}`,
  `--regid=${NOBODY}`,
  "--clear-groups",
  "--inh-caps=-all",
  "--bounding-set=-all",
];

function canBecomeNobody(): boolean {
  return spawnSync("setpriv", [`--reuid=${NOBODY}`, "--clear-groups", "true"]).status === 0;
}

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "engine-user-"));
  if (isRoot) chownSync(directory, NOBODY, NOBODY);
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function whyNot(): Promise<string | undefined> {
  const trial = mkdtempSync(join(tmpdir(), "engine-user-"));
  if (isRoot) chownSync(trial, NOBODY, NOBODY);
  try {
    const prefix = isRoot ? AS_NOBODY : [];
    const { probe } = JSON.parse(
      await runScript(new URL("./scripts/probe.ts", import.meta.url), [trial], { prefix }),
    ) as {
      probe: { available: boolean; reason?: string };
    };
    return probe.available ? undefined : probe.reason;
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
}

const reason = await whyNot();

describe.skipIf(reason !== undefined)(
  `namespaces for an ordinary user${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    test("a sandbox lives, changes its own system and goes without a trace", async () => {
      const prefix = isRoot ? AS_NOBODY : [];
      const env = { HOME: directory };
      const state = join(directory, "state");
      expect(
        await runScript(new URL("./scripts/ordinary-user.ts", import.meta.url), [state], {
          prefix,
          env,
        }),
      ).toBe("ok");
    });
  },
);
