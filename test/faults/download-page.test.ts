import { test } from "vitest";
import { emulatorsOfFile } from "../helpers/emulator-fixture.ts";

const withEmulator = emulatorsOfFile();
const page = "<html><body>Please log in</body></html>";

test("a gateway's page does not pass for a file or for output", async ({ expect }) => {
  await withEmulator(expect, {}, async ({ ready, fault }) => {
    const backend = await ready();
    await backend.writeFile("notes.txt", "the content");
    const downloads = { path: "/toolbox/{sandboxId}/files/download" };
    const answer = { type: "respond", status: 200, body: page, contentType: "text/html" } as const;
    const struck = fault(downloads, answer, { times: 1 });
    // Bytes that are not UTF-8 are read from the record's file.
    const { stdoutBytes } = await backend.exec("printf 'abc\\377def'");
    expect(Buffer.from(stdoutBytes).toString("latin1")).toBe("abc\u00ffdef");
    expect(struck.hits).toBe(1);
    fault(downloads, answer, { times: 1 });
    expect(await backend.readFile("notes.txt", { encoding: "utf8" })).toBe("the content");
    fault(downloads, answer);
    await expect(backend.readFile("notes.txt")).rejects.toMatchObject({ code: "PROTOCOL" });
    await backend.teardown();
  });
});
