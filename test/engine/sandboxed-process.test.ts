import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { findSandboxedProcess } from "../../src/engine/isolation/sandboxed-process.ts";
import type { StartedProgram } from "../../src/engine/processes/started-program.ts";

test("a program that has gone is not waited for, although its end was not told yet", async () => {
  const program = spawn("true");
  await once(program, "exit");
  const untold: StartedProgram = {
    pid: program.pid ?? 0,
    exited: new Promise(() => undefined),
    hasEnded: false,
    unref: () => undefined,
  };
  expect(await findSandboxedProcess(untold)).toBeUndefined();
});
