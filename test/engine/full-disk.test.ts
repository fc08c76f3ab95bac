import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mounts } from "../helpers/capabilities.ts";
import { isolationsUnderTest } from "./isolations.ts";
import { runScript } from "./run-script.ts";

for (const { isolation, skipped, title } of await isolationsUnderTest()) {
  // Only who may mount can make namespaces in a mount namespace of its own without being in a user namespace.
  test.skipIf(skipped || !mounts)(
    `a full disk is an error, and leaves what was there, isolation ${title}`,
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "engine-full-"));
      const onSmallDisk = 'mount -t tmpfs -o size=16m none "$0" && exec "$@"';
      const prefix = ["unshare", "--mount", "--", "sh", "-c", onSmallDisk, folder];
      const script = new URL("./scripts/on-full-disk.ts", import.meta.url);
      try {
        expect(await runScript(script, [folder, isolation], { prefix })).toBe("ok");
      } finally {
        rmdirSync(folder);
      }
    },
  );
}
