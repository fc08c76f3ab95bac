import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { builtProgram } from "../helpers/built-program.ts";

const program = await builtProgram(new URL("../fixtures/host/run-emulator.ts", import.meta.url));

test.each(["SIGINT", "SIGTERM"] as const)(
  "it prints the environment and ends at %s",
  async (signal) => {
    const child = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
    const exited = once(child, "exit");
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (lines.length === 2) break;
    }
    const environment = Object.fromEntries(lines.map((line) => line.split("=")));
    expect(Object.keys(environment)).toEqual(["DAYTONA_API_URL", "DAYTONA_API_KEY"]);
    const response = await fetch(`${environment.DAYTONA_API_URL}/sandbox`, {
      headers: { authorization: `Bearer ${environment.DAYTONA_API_KEY}` },
    });
    expect(await response.json()).toEqual({ items: [], nextCursor: null });
    child.kill(signal);
    expect(await exited).toEqual([0, null]);
  },
);
