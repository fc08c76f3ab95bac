import { describe, expect, test } from "vitest";
import { createProvider, type DaytonaProviderConfig, type DoctorReport } from "../../src/index.ts";
import { emulatorsOfFile } from "../helpers/emulator-fixture.ts";

/** `doctor` says what is wrong, and nothing else is taken for wrong because of it. */
const withEmulator = emulatorsOfFile();

async function examine(
  config: DaytonaProviderConfig,
  options: { readonly probeSandbox?: boolean } = {},
): Promise<DoctorReport> {
  await using provider = createProvider("daytona", config);
  const report = await provider.doctor(options);
  expect(JSON.stringify(report)).not.toContain(config.apiKey);
  expect(report.ok).toBe(report.checks.every(({ status }) => status !== "failed"));
  for (const { status, advice } of report.checks) {
    if (status === "failed") expect(advice).toMatch(/\w/);
  }
  return report;
}

function namesOf(report: DoctorReport, status: string): string[] {
  return report.checks.filter((check) => check.status === status).map(({ name }) => name);
}

function checkOf(report: DoctorReport, name: string) {
  return report.checks.find((check) => check.name === name);
}

describe.each(["cloud", "v0.190"] as const)("server profile %s", (profile) => {
  test("all is well, tried by a sandbox that is deleted again", async () => {
    await withEmulator(expect, { profile }, async ({ config, emulator }) => {
      const access = { apiKey: config.apiKey as string, apiUrl: config.apiUrl as string };
      const before = emulator.sandboxes().length;
      const report = await examine(access, { probeSandbox: profile === "cloud" });
      expect(namesOf(report, "failed")).toEqual([]);
      expect(report).toMatchObject({ type: "daytona", ok: true });
      // No sandbox is there yet that would tell the organisation.
      const skipped = profile === "cloud" ? ["organization"] : ["organization", "sandbox"];
      expect(namesOf(report, "skipped")).toEqual(skipped);
      if (profile === "cloud") expect(namesOf(report, "ok")).toContain("clean-up");
      expect(emulator.sandboxes()).toHaveLength(before);
      expect(checkOf(report, "address")?.message).toContain(
        profile === "cloud" ? "0.218" : "0.190",
      );
    });
  });
});

test("each cause is told by its own check", async () => {
  const rights = { key: "key-without-delete", permissions: ["write:sandboxes"] as const };
  const apiKeys = [{ key: "key-with-every-right" }, rights];
  await withEmulator(expect, { apiKeys }, async ({ emulator, ready }) => {
    const { url: apiUrl, apiKey } = emulator;

    const wrongKey = await examine({ apiUrl, apiKey: "some-wrong-key" });
    expect(namesOf(wrongKey, "failed")).toEqual(["key"]);
    expect(checkOf(wrongKey, "rights")).toMatchObject({ status: "skipped" });

    const lacking = await examine({ apiUrl, apiKey: rights.key }, { probeSandbox: true });
    expect(namesOf(lacking, "failed")).toEqual(["rights"]);
    expect(checkOf(lacking, "rights")?.message).toContain("delete:sandboxes");
    expect(checkOf(lacking, "sandbox")).toMatchObject({ status: "skipped" });

    const page = await examine({ apiUrl: apiUrl.replace(/\/api$/, ""), apiKey });
    expect(namesOf(page, "failed")).toEqual(["address"]);
    expect(checkOf(page, "address")).toMatchObject({
      message: expect.stringContaining("a web page"),
      advice: expect.stringContaining(apiUrl),
    });
    const nobody = await examine({ apiUrl: "http://127.0.0.1:9/api", apiKey });
    expect(namesOf(nobody, "failed")).toEqual(["address"]);
    expect(namesOf(nobody, "ok")).toEqual(["runtime"]);

    const region = await examine({ apiUrl, apiKey, target: "atlantis" });
    expect(namesOf(region, "failed")).toEqual(["region"]);
    expect(checkOf(region, "region")?.advice).toContain("us");

    const server = (await (await fetch(`${apiUrl}/config`)).json()) as object;
    const body = { ...server, proxyToolboxUrl: "http://127.0.0.1:9/toolbox" };
    const moved = emulator.faults.add({
      match: { path: "/config" },
      effect: { type: "respond", status: 200, body },
    });
    const toolbox = await examine({ apiUrl, apiKey });
    moved.remove();
    expect(namesOf(toolbox, "failed")).toEqual(["toolbox"]);

    const backend = await ready();
    const other = await examine({ apiUrl, apiKey, organizationId: "another" });
    expect(namesOf(other, "failed")).toEqual(["organization"]);
    await backend.teardown();
  });
});
