import assert from "node:assert/strict";
import type { SetupEvent } from "../contract/setup-events.ts";
import type { Conformance } from "./conformance.ts";
import { gitErrorKindOf } from "./git.ts";

const area = "dotfiles";

/** A repository that is linked into the home directory. */
export function dotfilesCases(conformance: Conformance): void {
  const { git } = conformance.options;
  const impossible = git === undefined ? "no repositories were given" : undefined;
  conformance.add(
    area,
    "are cloned beside the repository, into a folder of their own",
    async () => {
      const { url } = git?.public ?? assert.fail(impossible);
      await conformance.withSandbox(
        async (backend) => {
          const { stdout } = await backend.exec("git -C ~/.dotfiles remote get-url origin");
          assert.equal(stdout, `${url}\n`);
          assert.equal(await backend.exists(".git"), true);
        },
        { repoUrl: url, dotfiles: url },
      );
    },
    impossible,
  );

  conformance.add(
    area,
    "that cannot be cloned fail the setup, in their own step",
    async () => {
      const { url, kind } = git?.missing ?? assert.fail(impossible);
      await conformance.leavesNothing(async () => {
        const events: SetupEvent[] = [];
        const backend = conformance.newBackend({ dotfiles: url });
        const error = await conformance.rejects(
          backend.setup({ onEvent: (event) => events.push(event) }),
          "SETUP_FAILED",
          { operation: "setup" },
        );
        assert.equal(error.step, "dotfiles");
        assert.equal(gitErrorKindOf(error), kind);
        const failed = events.filter((event) => event.type === "step-failed");
        assert.deepEqual(
          failed.map(({ step }) => step),
          ["dotfiles"],
        );
        conformance.release(backend);
      });
    },
    impossible,
  );
}
