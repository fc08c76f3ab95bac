import { afterAll, beforeAll, expect, test } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";

let emulator: DaytonaEmulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(async () => {
  await emulator.close();
});

test("the official SDK creates, uses and deletes a sandbox", async () => {
  const daytona = sdkClient(emulator);
  const sandbox = await daytona.create({ name: "thin-path", envVars: { GREETING: "hello" } });
  expect(sandbox.state).toBe("started");

  const home = (await sandbox.getUserHomeDir()) ?? "";
  const answer = await sandbox.process.executeCommand('echo "$GREETING $PWD"; echo err >&2');
  expect(answer).toMatchObject({ exitCode: 0, result: `hello ${home}\nerr\n` });

  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 256));
  await sandbox.fs.uploadFile(bytes, `${home}/deep/file.bin`);
  expect(await sandbox.fs.downloadFile(`${home}/deep/file.bin`)).toEqual(bytes);
  expect(await sandbox.fs.getFileDetails(`${home}/deep/file.bin`)).toMatchObject({
    name: "file.bin",
    size: 70_000,
    isDir: false,
    permissions: "0644",
  });

  const server = `require("http").createServer((q, r) => r.end("from " + q.url)).listen(4173, "127.0.0.1")`;
  await sandbox.process.executeCommand(`node -e '${server}' >/dev/null 2>&1 </dev/null &`);
  const preview = await sandbox.getPreviewLink(4173);
  const headers = { "x-daytona-preview-token": preview.token };
  await expect
    .poll(async () => (await fetch(`${preview.url}/a?b=1`, { headers })).status, {
      timeout: 10_000,
    })
    .toBe(200);
  expect(await (await fetch(`${preview.url}/a?b=1`, { headers })).text()).toBe("from /a?b=1");

  await sandbox.delete(60, true);
  expect(emulator.sandboxes()).toEqual([]);
});
