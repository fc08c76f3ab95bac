import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { isLongRun } from "../helpers/long-run.ts";
import { namespacesUnderTest } from "./isolations.ts";
import { openTemporaryEngine } from "./temporary-engine.ts";

const { skipped, title } = await namespacesUnderTest();
const rounds = isLongRun ? 40 : 5;

describe.skipIf(skipped)(`layers, isolation ${title}`, () => {
  test(
    "a layer that is just being given away is not taken for one that nobody needs",
    async () => {
      await using opened = await openTemporaryEngine("namespaces");
      const { engine } = opened;
      // Each deletion looks for layers to remove, while the others give theirs away.
      const work = async (): Promise<string[]> => {
        const seen: string[] = [];
        for (let round = 0; round < rounds; round++) {
          const sandbox = await engine.create({});
          await sandbox.files.write("/root/kept", Buffer.from("kept"));
          const snapshot = await engine.createSnapshot(sandbox.id, { mode: "stop", graceMs: 0 });
          await sandbox.delete();
          const next = await engine.create({ snapshotId: snapshot.id });
          const { stream } = await next.files.read("/root/kept");
          seen.push(await text(stream));
          await next.delete();
          await engine.deleteSnapshot(snapshot.id);
        }
        return seen;
      };
      const seen = await Promise.all([work(), work(), work(), work(), work()]);
      expect(seen.flat()).toEqual(Array(5 * rounds).fill("kept"));
    },
    rounds * 25_000,
  );
});
