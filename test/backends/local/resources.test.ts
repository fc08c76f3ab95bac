import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createProvider } from "../../../src/create-backend.ts";
import { LocalEngine } from "../../../src/engine/local-engine.ts";
import { CapacityError, SandboxStateError, UnsupportedOperationError } from "../../../src/index.ts";
import { controlGroupsOf } from "../../engine/host-leftovers.ts";
import { namespacesUnderTest } from "../../engine/isolations.ts";
import { rejection } from "../../helpers/rejection.ts";
import { until } from "../../helpers/until.ts";
import { withLocal } from "./local-fixture.ts";

const { isolation, skipped, title } = await namespacesUnderTest();
const mechanisms = skipped ? undefined : await LocalEngine.limits();
const countsProcesses = mechanisms?.processes.startsWith("cgroup") ?? false;

test.skipIf(skipped || !countsProcesses)(
  `a sandbox has the resources of its config, isolation ${title}`,
  async () => {
    await withLocal(isolation, async ({ config: { directory }, ready, backend }) => {
      const resources = { processes: 48, cpu: 1 };
      const limited = await ready({ resources });
      const crowd = `while (1) { my $pid = fork; if (defined $pid && !$pid) { sleep 300; exit } select undef, undef, undef, 0.01 }`;
      await limited.spawn(`until [ -e /tmp/go ]; do sleep 0.1; done; exec perl -e '${crowd}'`);
      // What runs when the crowd comes may lack a process for its own end.
      await limited.exec(": >/tmp/go").catch(() => undefined);
      const folder = join(directory, isolation, "engine/sandboxes", limited.sandboxId);
      const counts = controlGroupsOf(folder).map((group) => join(group, "pids.current"));
      const count = counts.find((path) => existsSync(path)) ?? "";
      await until(() => readFileSync(count, "utf8") === "48\n");
      const error = await rejection(expect, limited.exec("echo hello"), CapacityError, {
        code: "NO_CAPACITY",
        operation: "exec",
      });
      expect(error.retryable).toBe(true);
      expect(error.message).toContain("(48)");
      expect((await limited.status()).state).toBe("running");

      // A sandbox with other resources is another one.
      await rejection(
        expect,
        backend({ resources: { processes: 64 } }).setup(),
        SandboxStateError,
        {
          code: "SANDBOX_STATE",
          operation: "setup",
        },
      );
      await limited.stop();
      await limited.start();
      expect((await limited.exec("echo again")).stdout).toBe("again\n");

      await using provider = createProvider("local", { directory });
      const { checks } = await provider.doctor();
      expect(checks.find(({ name }) => name === "limits")).toMatchObject({
        status: "ok",
        message: expect.stringContaining("number of processes by control groups"),
      });
      await limited.teardown();
    });
  },
);

test.skipIf(skipped || mechanisms?.memory !== "none")(
  "a limit that cannot be enforced here is refused by setup",
  async () => {
    await withLocal(isolation, async ({ backend }) => {
      const limited = backend({ resources: { memoryGiB: 1 } });
      await rejection(expect, limited.setup(), UnsupportedOperationError, {
        code: "UNSUPPORTED_OPERATION",
        operation: "setup",
      });
    });
  },
);
