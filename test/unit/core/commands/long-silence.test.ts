import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ConnectionError } from "../../../../src/contract/provider-errors.ts";
import { isLongRun } from "../../../helpers/long-run.ts";
import { CommandBench, text } from "./run-command.ts";

/** Half an hour has this many polls of the default length. */
const pollsOfHalfAnHour = (30 * 60) / 15;
const polls = isLongRun ? pollsOfHalfAnHour : 3;

describe("a command that says nothing for long", { timeout: 600_000 }, () => {
  // The clock runs 15 times as fast: polls of one second instead of fifteen, and as many of them.
  test(`is followed through ${polls} polls, some of whose answers are lost`, async () => {
    await using bench = await CommandBench.open(
      {},
      { timing: { firstAnswerSeconds: 0.1, pollSeconds: 1 } },
    );
    // The command ends when it has been asked for often enough, however long that takes on a busy machine.
    const enough = join(bench.channel.home, "enough");
    let lost = 0;
    bench.channel.hooks.after = (answer, _script, count) => {
      if (count === polls) writeFileSync(enough, "");
      if (count % 10 !== 2) return answer;
      lost += 1;
      throw new ConnectionError("The connection was lost.", { retryable: true });
    };
    const beganMs = performance.now();
    const outcome = await bench.run(
      `until [ -e ${enough} ]; do sleep 0.2; done; echo end; exit 4`,
      { timeoutMs: 600_000 },
    );
    expect(outcome).toMatchObject({ exitCode: 4, signal: undefined });
    expect(text(outcome.stdoutBytes)).toBe("end\n");
    expect(bench.channel.scripts.length).toBeGreaterThanOrEqual(polls);
    // A poll of one second ends with a second of the machine's clock, so two or three may be in one; what was lost is asked again.
    const elapsedSeconds = (performance.now() - beganMs) / 1_000;
    expect(bench.channel.scripts.length).toBeLessThanOrEqual(3 + lost + 2.5 * elapsedSeconds);
    const { length } = bench.channel.scripts;
    process.stdout.write(`\nA silent command: ${length} requests, ${lost} answers lost, code 4\n`);
  });
});
