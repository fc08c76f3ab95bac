import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { findSystemProgram } from "../../src/engine/isolation/system-programs.ts";
import { RELAY_PROGRAM } from "../../src/engine/network/relay-program.ts";
import { SPAWNER_PROGRAM } from "../../src/engine/processes/spawner/spawner-program.ts";

/** Where the spawner cannot be started the engine does without, so that nobody else would notice a mistake in it. */
test.for([
  ["spawner", SPAWNER_PROGRAM],
  ["relay", RELAY_PROGRAM],
] as const)("perl has nothing to say about the %s", ([, program]) => {
  const { stderr } = spawnSync(findSystemProgram("perl") ?? "", ["-wc", "-e", program], {
    encoding: "utf8",
  });
  expect(stderr).toBe("-e syntax OK\n");
});
