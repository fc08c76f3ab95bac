import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { namespacesUnderTest } from "../../engine/isolations.ts";
import { runScript } from "../../engine/run-script.ts";

const namespaces = await namespacesUnderTest();
const setupScript = new URL("./scripts/try-setup.ts", import.meta.url);

/** Forbids further user namespaces, and takes away the right to make any other. */
const withoutNamespaces = [
  ...["unshare", "--user", "--map-root-user", "sh", "-c"],
  'echo 0 >/proc/sys/user/max_user_namespaces; exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs -- "$@"',
  "sh",
];

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "local-unavailable-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

interface Refusal {
  readonly name: string;
  readonly code: string;
  readonly operation: string;
  readonly message: string;
}

async function trySetup(
  config: object,
  platform: string,
  prefix: readonly string[] = [],
): Promise<Refusal | "set up"> {
  const printed = await runScript(
    setupScript,
    [JSON.stringify({ directory: join(directory, "not", "yet"), ...config }), platform],
    { prefix },
  );
  return JSON.parse(printed) as Refusal | "set up";
}

test.skipIf(namespaces.skipped)(
  `where namespaces are forbidden, setup says why and what to change, and nothing is made (${namespaces.title})`,
  async () => {
    const refusal = await trySetup({}, process.platform, withoutNamespaces);
    expect(refusal).toMatchObject({
      name: "UnsupportedOperationError",
      code: "UNSUPPORTED_OPERATION",
      operation: "setup",
    });
    const { message } = refusal as Refusal;
    expect(message).toContain("user namespaces are forbidden");
    expect(message).toContain("user.max_user_namespaces");
    expect(message).toContain('isolation: "none"');
    expect(await readdir(directory)).toEqual([]);
  },
);

test.skipIf(namespaces.skipped)(
  `where namespaces are forbidden, isolation none works when it is asked for (${namespaces.title})`,
  async () => {
    expect(await trySetup({ isolation: "none" }, process.platform, withoutNamespaces)).toBe(
      "set up",
    );
  },
);

test.each(["darwin", "win32"])(
  "on %s, setup says that it needs Linux, and nothing is made",
  async (platform) => {
    for (const isolation of ["namespaces", "none"]) {
      const refusal = await trySetup({ isolation }, platform);
      expect(refusal).toMatchObject({ code: "UNSUPPORTED_OPERATION", operation: "setup" });
      expect((refusal as Refusal).message).toContain("Linux");
      expect((refusal as Refusal).message).toContain(platform);
    }
    expect(await readdir(directory)).toEqual([]);
  },
);
