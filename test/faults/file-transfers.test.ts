import { randomBytes } from "node:crypto";
import { test } from "vitest";
import type { FaultEffect } from "../../src/emulator/index.ts";
import { SandboxError } from "../../src/index.ts";
import { coversEverything, emulatorsOfFile, serverProfiles } from "../helpers/emulator-fixture.ts";
import { isLongRun } from "../helpers/long-run.ts";

/** Files on a bad line, F12 and F20: what is read or written is whole, or it is an error and what was there before stays. */
const withEmulator = emulatorsOfFile();
const page = "<html><body><h1>504 Gateway Time-out</h1></body></html>";
const upload = { surface: "toolbox", path: "/toolbox/{sandboxId}/files/bulk-upload" } as const;
const stream = { surface: "toolbox", path: /\/files\/(bulk-)?upload/ } as const;
const download = { surface: "toolbox", path: "/toolbox/{sandboxId}/files/download" } as const;

const effects: readonly (readonly [string, FaultEffect])[] = [
  ["bare 502", { type: "respond", status: 502 }],
  ["reset", { type: "reset" }],
  ["done, and no answer", { type: "handle-then-reset" }],
  ["HTML with status 504", { type: "respond", status: 504, body: page, contentType: "text/html" }],
  ["HTML with status 200", { type: "respond", status: 200, body: page, contentType: "text/html" }],
];

for (const profile of serverProfiles.filter(coversEverything)) {
  test.concurrent(`${profile}: an upload that fails`, async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, fault }) => {
      const backend = await ready();
      await backend.writeFile("kept", "before");
      const forms = [
        ["bytes", () => Buffer.from("after")],
        ["a stream", () => new Blob(["after"]).stream()],
      ] as const;
      for (const [turn, [name, effect]] of effects.entries()) {
        for (const [form, content] of forms.filter((_, at) => isLongRun || at === turn % 2)) {
          const struck = fault(form === "bytes" ? upload : stream, effect, { times: 1 });
          const outcome = await backend.writeFile("kept", content()).then(
            () => "after",
            (error: unknown) => {
              const isOurs = SandboxError.is(error) && error.operation === "writeFile";
              expect([name, form, isOurs, String(error)]).toEqual([
                name,
                form,
                true,
                String(error),
              ]);
              expect((error as SandboxError).code).toMatch(/^(CONNECTION_FAILED|PROTOCOL)$/);
              return "before";
            },
          );
          struck.remove();
          expect([name, form, struck.hits]).toEqual([name, form, 1]);
          const there = await backend.readFile("kept", { encoding: "utf8" });
          expect([name, form, there]).toEqual([name, form, outcome]);
          await backend.writeFile("kept", "before");
        }
      }
      const names = (await backend.listFiles(".")).map((file) => file.name);
      expect(names).toEqual(["kept"]);
      await backend.teardown();
    });
  });

  test.concurrent(`${profile}: a download that fails`, async ({ expect }) => {
    await withEmulator(expect, { profile }, async ({ ready, fault }) => {
      const backend = await ready();
      const content = randomBytes(300_000);
      await backend.writeFile("file", content);
      const cuts = [0, 1, 150_000, 299_999].map(
        (bytes) => [`cut after ${bytes} bytes`, { type: "truncate", bytes }] as const,
      );
      for (const [name, effect] of [...effects, ...cuts]) {
        for (const read of [
          () => backend.readFile("file"),
          async () =>
            new Uint8Array(await new Response(await backend.readFileStream("file")).arrayBuffer()),
        ]) {
          const struck = fault(download, effect, { times: 1 });
          // Never a file that is shorter, or another one.
          const outcome = await read().then(
            (bytes) => (Buffer.compare(bytes, content) === 0 ? "whole" : "other bytes"),
            (error: unknown) => (SandboxError.is(error) ? error.code : String(error)),
          );
          struck.remove();
          expect([name, struck.hits]).toEqual([name, 1]);
          expect([name, outcome]).toEqual([
            name,
            expect.stringMatching(/^(whole|CONNECTION_FAILED|PROTOCOL)$/),
          ]);
        }
      }
      expect(Buffer.compare(await backend.readFile("file"), content)).toBe(0);
      await backend.teardown();
    });
  });
}
