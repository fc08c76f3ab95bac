import { afterEach, expect, test, vi } from "vitest";
import { runCli } from "../../src/cli/run-cli.ts";
import { emulatorsOfFile } from "../helpers/emulator-fixture.ts";

const withEmulator = emulatorsOfFile();

afterEach(() => {
  vi.restoreAllMocks();
});

/** Runs a command as the program does; what it prints is returned. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const printed = { out: "", err: "" };
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed.out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    printed.err += String(text);
    return true;
  });
  try {
    const code = await runCli(args);
    return { code, ...printed };
  } finally {
    vi.restoreAllMocks();
  }
}

test("doctor, list and sweep work from the command line", async () => {
  await withEmulator(expect, {}, async ({ config, ready, sandboxes }) => {
    const { owner, apiKey = "", apiUrl = "" } = config;
    vi.stubEnv("DAYTONA_API_KEY", apiKey);
    vi.stubEnv("DAYTONA_API_URL", apiUrl);
    const backend = await ready();
    await backend.stop();

    const healthy = await run("doctor");
    expect(healthy).toMatchObject({ code: 0, err: "" });
    expect(healthy.out).toMatch(/^ok +key: /m);
    expect(healthy.out).not.toContain(apiKey);

    const listed = await run("list", "--owner", owner);
    expect(listed.code).toBe(0);
    expect(listed.out).toMatch(new RegExp(`^${backend.sandboxId}  stopped  .*\n$`));
    expect(JSON.parse((await run("list", "--owner", owner, "--json")).out)).toMatchObject([
      { id: backend.sandboxId, owner },
    ]);

    expect((await run("sweep", "--owner", owner)).out).toContain("skipped (recently-used)");
    const dry = await run("sweep", "--owner", owner, "--idle-hours", "0");
    expect(dry.out).toContain(`would delete  ${backend.sandboxId}`);
    expect(sandboxes()).toHaveLength(1);
    const swept = await run("sweep", "--owner", owner, "--idle-hours", "0", "--delete");
    expect(swept).toMatchObject({ code: 0, err: "" });
    expect(swept.out).toContain(`deleted  ${backend.sandboxId}`);
    expect(sandboxes()).toEqual([]);

    vi.stubEnv("DAYTONA_API_KEY", "a-wrong-key");
    expect(await run("doctor")).toMatchObject({ code: 1 });
    const refused = await run("list");
    expect(refused).toMatchObject({ code: 1, out: "" });
    expect(refused.err).toContain("does not accept the API key");
  });
});

test("a wrong command line is exit code 2, and says how it is used", async () => {
  for (const args of [
    ["sweep"],
    ["sweep", "--owner", "me", "--idle-hours", "soon"],
    ["list", "--type", "no-such"],
    ["doctor", "--no-such"],
  ]) {
    const { code, err } = await run(...args);
    expect(code, args.join(" ")).toBe(2);
    expect(err).toContain(`Usage: sandbox-backend ${args[0]}`);
  }
  expect((await run("doctor", "--help")).out).toContain("--probe");
});
