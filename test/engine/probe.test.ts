import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { IsolationProbe } from "../../src/engine/engine-types.ts";
import { LocalEngine } from "../../src/engine/local-engine.ts";
import { mountsNaming, processesNaming } from "./host-leftovers.ts";
import { namespacesUnderTest } from "./isolations.ts";
import { runScript } from "./run-script.ts";

interface Finding {
  readonly probe: IsolationProbe;
  readonly opening: { readonly code: string; readonly message: string };
}

const namespaces = await namespacesUnderTest();
/** Forbids further user namespaces, and takes away the right to make any other. */
const WITHOUT_NAMESPACES = [
  ...["unshare", "--user", "--map-root-user", "sh", "-c"],
  'echo 0 >/proc/sys/user/max_user_namespaces; exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs -- "$@"',
  "sh",
];

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "engine-probe-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function findings(prefix: readonly string[]): Promise<Finding> {
  return JSON.parse(
    await runScript(new URL("./scripts/probe.ts", import.meta.url), [directory], { prefix }),
  ) as Finding;
}

describe("the probe for namespaces", () => {
  test.skipIf(namespaces.skipped)(
    `finds them and leaves nothing behind (${namespaces.title})`,
    async () => {
      expect(await LocalEngine.probe({ directory: join(directory, "not-yet") })).toEqual({
        available: true,
      });
      expect(readdirSync(directory)).toEqual([]);
      expect(processesNaming(directory)).toEqual([]);
      expect(mountsNaming(directory)).toEqual([]);
    },
  );

  test.skipIf(namespaces.skipped)(
    `says that they are forbidden, and opening says so too (${namespaces.title})`,
    async () => {
      const { probe, opening } = await findings(WITHOUT_NAMESPACES);
      expect(probe).toMatchObject({ available: false });
      expect(JSON.stringify(probe)).toContain("user namespaces are forbidden");
      expect(JSON.stringify(probe)).toContain("user.max_user_namespaces");
      expect(opening.code).toBe("ISOLATION_UNAVAILABLE");
      expect(opening.message).toContain("user namespaces are forbidden");
      expect(opening.message).toContain("user.max_user_namespaces");
    },
  );

  test("says that the directory lies where every sandbox sees it", async () => {
    const probe = await LocalEngine.probe({ directory: "/usr/share" });
    if (process.getuid?.() === 0) expect(JSON.stringify(probe)).toContain("below /usr");
    else expect(JSON.stringify(probe)).toContain("cannot be written");
    expect(readdirSync("/usr/share").filter((name) => name.startsWith("probe-"))).toEqual([]);
  });

  test("stops when it is aborted", async () => {
    const reason = new Error("enough");
    const aborted = LocalEngine.probe({ directory, signal: AbortSignal.abort(reason) });
    await expect(aborted).rejects.toBe(reason);
  });

  test("without namespaces nothing is downgraded, and isolation none works", async () => {
    const engine = await LocalEngine.open({ directory, isolation: "none" });
    expect(engine.isolation).toBe("none");
    await engine.close();
    await expect(LocalEngine.open({ directory: "relative" })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });
});
