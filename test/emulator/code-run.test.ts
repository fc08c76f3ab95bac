import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";
import { WireClient } from "./wire-client.ts";

const hasPython = spawnSync("python3", ["--version"]).status === 0;
const hasMatplotlib = spawnSync("python3", ["-c", "import matplotlib"]).status === 0;

let emulator: DaytonaEmulator;
let client: WireClient;
let id: string;
beforeAll(async () => {
  emulator = await startEmulator();
  client = new WireClient(emulator);
  id = await client.create();
});
afterAll(async () => {
  await emulator.close();
});

const run = (body: object) => client.toolbox("POST", id, "/process/code-run", body);
const has = async (program: string) =>
  (await client.execute(id, `command -v ${program}`)).body.exitCode === 0;

const programs = {
  python: {
    interpreter: "python3",
    code: "import os, sys\nprint(sys.argv[1:], os.environ['A'])\nsys.exit(3)",
    result: "['one', 'two'] x\n",
  },
  javascript: {
    interpreter: "node",
    code: "console.log(process.argv.slice(1).join(), process.env.A);\nprocess.exit(3)",
    result: "one,two x\n",
  },
} as const;

describe.each(["python", "javascript"] as const)("%s through the official SDK", (language) => {
  const { interpreter, code, result } = programs[language];

  test("code, arguments, environment and exit code, or the shell's error without it", async () => {
    const sandbox = await sdkClient(emulator).create({ language });
    const answer = await sandbox.process.codeRun(code, { argv: ["one", "two"], env: { A: "x" } });
    if (await has(interpreter)) expect(answer).toMatchObject({ exitCode: 3, result });
    else
      expect(answer).toMatchObject({
        exitCode: 127,
        result: expect.stringContaining(interpreter),
      });
  });
});

test("typescript goes through npx ts-node, with the code in a file", async () => {
  const home = (await client.toolbox("GET", id, "/user-home-dir")).body.dir;
  const script = '#!/bin/sh\nfor last; do :; done\necho "$1 $2 $last"\ncat "$7"\n';
  await client.execute(id, `mkdir -p ~/bin; cat >~/bin/npx; chmod +x ~/bin/npx\n${script}`);
  const { body } = await run({
    code: "const n: number = 1;",
    language: "typescript",
    argv: ["an-argument"],
    envs: { PATH: `${home}/bin:/usr/bin:/bin` },
  });
  expect(body).toEqual({
    exitCode: 0,
    result: "ts-node -T an-argument\nprocess.argv.splice(1, 1);\nconst n: number = 1;",
  });
});

test("arguments are not quoted: the shell reads them", async () => {
  const { body } = await run({ code: "", language: "python", argv: ["; echo injected"] });
  expect(body).toMatchObject({ code: "INVALID_REQUEST_BODY" });
  const answer = await run({ code: "0", language: "javascript", argv: [";", "echo injected"] });
  expect(answer.body.result).toContain("injected\n");
});

test.each([
  [
    { language: "python" },
    "INVALID_REQUEST_BODY",
    /^invalid body request: Key: 'CodeRunRequest.Code' Error:Field validation for 'Code'/,
  ],
  [{ code: "1" }, "INVALID_REQUEST_BODY", /^invalid body request: Key: 'CodeRunRequest.Language' /],
  [{ code: "1", language: "ruby" }, "BAD_REQUEST", /^bad request: unsupported language: ruby$/],
  [
    { code: "1", language: "python", envs: { "A-B": "1" } },
    "BAD_REQUEST",
    /^bad request: invalid environment variable name/,
  ],
])("%j is 400", async (body, code, message) => {
  expect(await run(body)).toMatchObject({
    status: 400,
    body: { code, message: expect.stringMatching(message) },
  });
});

test("a timeout kills it", async () => {
  const sleeps = { code: "setTimeout(() => {}, 60_000)", language: "javascript", timeout: 1 };
  const { status, body } = await run(sleeps);
  if (await has("node")) expect([status, body.code]).toEqual([408, "PROCESS_EXECUTION_TIMEOUT"]);
  else expect(body.exitCode).toBe(127);
});

test("code that imports matplotlib has its own traceback, arguments and exit code", async () => {
  const code = "import sys\nprint(sys.argv, __name__)\nif 0:\n    import matplotlib\nsys.exit(4)";
  const answer = await run({ code, language: "python", argv: ["a"] });
  if (!hasPython) expect(answer.body.exitCode).toBe(127);
  else expect(answer.body).toEqual({ exitCode: 4, result: "['-', 'a'] __main__\n" });
});

const drawing = `
import matplotlib.pyplot as plt
print("before")
plt.plot([1, 2, 4], [1.5, 4, 9], label="growth")
plt.title("Lines")
plt.xlabel("x")
plt.show()
plt.pie([3, 1], labels=["most", "rest"])
plt.show()
plt.bar(["a", "b"], [1, 2])
plt.show()
figure, (left, right) = plt.subplots(1, 2)
left.scatter([1, 2], [3, 4])
right.boxplot([[1, 2, 3, 4, 100]], patch_artist=True)
plt.show()
print("after")
`;

describe("charts", () => {
  test.skipIf(!hasPython || hasMatplotlib)(
    "without matplotlib it is Python's own error",
    async () => {
      const { body } = await run({ code: drawing, language: "python" });
      expect(body.exitCode).toBe(1);
      expect(body.result).toContain('File "<target_code>", line 2, in <module>');
      expect(body.result).toContain("ModuleNotFoundError: No module named 'matplotlib'");
    },
  );

  test.skipIf(!hasMatplotlib)("come as data and PNG where python3 has matplotlib", async () => {
    // Also where it is installed in a folder of its own, which only a sandbox without isolation sees.
    const { PYTHONPATH } = process.env;
    const own = await startEmulator(PYTHONPATH ? { isolation: "none" } : {});
    try {
      const sandbox = await sdkClient(own).create({
        language: "python",
        envVars: { MPLBACKEND: "agg", ...(PYTHONPATH ? { PYTHONPATH } : {}) },
      });
      const { exitCode, result, artifacts } = await sandbox.process.codeRun(drawing);
      expect([exitCode, result]).toEqual([0, expect.stringMatching(/^before\n(?:.*\n)*after\n$/)]);
      expect(result).not.toContain("dtn_artifact");
      const [line, pie, composite, ...others] = artifacts?.charts ?? [];
      expect(line).toMatchObject({
        type: "line",
        title: "Lines",
        x_label: "x",
        x_scale: "linear",
        elements: [
          {
            label: "growth",
            points: [
              [1, 1.5],
              [2, 4],
              [4, 9],
            ],
          },
        ],
      });
      expect(pie).toMatchObject({
        type: "pie",
        elements: [
          { label: "most", angle: 270, radius: 1 },
          { label: "rest", angle: 90 },
        ],
      });
      // The daemon drops the chart of bars, and knows the elements of a composite one by their labels alone.
      expect(composite).toMatchObject({ type: "composite_chart" });
      expect(composite?.elements?.map(({ type }) => type)).toEqual(["scatter", "box_and_whisker"]);
      expect(others).toEqual([]);
      for (const { png = "" } of [line, pie, composite].filter((chart) => chart !== undefined))
        expect(Buffer.from(png, "base64").subarray(1, 4).toString()).toBe("PNG");
    } finally {
      await own.close();
    }
  });
});
