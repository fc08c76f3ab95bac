import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";
import { WireClient } from "./wire-client.ts";

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

test("charts are not there yet, and say so", async () => {
  const code = "import matplotlib.pyplot as plt";
  expect(await run({ code, language: "python" })).toMatchObject({
    status: 501,
    body: { message: "The emulator does not implement the charts of POST /process/code-run" },
  });
  expect((await run({ code: `# ${code}`, language: "python" })).status).toBe(200);
});
