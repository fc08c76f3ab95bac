import { describe, expect, test } from "vitest";
import {
  type DaytonaConfig,
  resolveDaytonaConfig,
} from "../../../../src/backends/daytona/daytona-config.ts";
import { ConfigError, createBackend } from "../../../../src/index.ts";

const key = "key-of-the-test";

function problemOf(config: unknown): ConfigError {
  try {
    resolveDaytonaConfig(config as DaytonaConfig, { DAYTONA_API_KEY: key });
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("The config was accepted.");
}

describe("a wrong config names the path and what was expected", () => {
  test.each<[string, unknown, string, RegExp]>([
    ["unknown option", { imag: "node:20" }, "imag", /there is no such option/],
    [
      "unknown nested option",
      { resources: { ram: 1 }, image: "a" },
      "resources.ram",
      /no such option/,
    ],
    [
      "wrong type",
      { cloneDepth: "1", repoUrl: "https://host/a" },
      "cloneDepth",
      /expected a (whole )?number, got a string/,
    ],
    [
      "resources without an image",
      { resources: { cpu: 2 } },
      "resources",
      /`image` or `imageBuilder` beside it/,
    ],
    [
      "resources with a snapshot",
      { resources: { cpu: 2 }, snapshot: "a" },
      "resources",
      /`image` or `imageBuilder` beside it/,
    ],
    ["two sources", { image: "a", snapshot: "b" }, "snapshot", /one source/],
    [
      "fraction of a core",
      { image: "a", resources: { cpu: 0.5 } },
      "resources.cpu",
      /whole number|at least|int/,
    ],
    ["relative working directory", { workDir: "workspace" }, "workDir", /absolute/],
    ["root as working directory", { workDir: "/" }, "workDir", /other than \//],
    ["working directory with ..", { workDir: "/a/../b" }, "workDir", /normal path/],
    ["branch without repository", { branchName: "main" }, "branchName", /`repoUrl` beside it/],
    [
      "branch that is an option",
      { branchName: "--upload-pack=x", repoUrl: "https://host/a" },
      "branchName",
      /valid branch/,
    ],
    [
      "branch with a blank",
      { branchName: "a b", repoUrl: "https://host/a" },
      "branchName",
      /valid branch/,
    ],
    ["short commit", { commit: "abc123", repoUrl: "https://host/a" }, "commit", /40 hexadecimal/],
    [
      "password in the URL",
      { repoUrl: "https://user:secret@host/a" },
      "repoUrl",
      /without a password/,
    ],
    ["no URL", { repoUrl: "--upload-pack=x" }, "repoUrl", /URL of a repository/],
    ["environment name", { env: { "A B": "1" } }, "env.A B", /letters, digits/],
    ["NUL in an environment value", { env: { A: "a\0b" } }, "env.A", /NUL/],
    ["lone surrogate in an environment value", { env: { A: "\ud800" } }, "env.A", /surrogates/],
    [
      "label of ours",
      { labels: { "sandbox-backend.owner": "x" } },
      "labels.sandbox-backend.owner",
      /does not begin/,
    ],
    ["address", { apiUrl: "app.daytona.io" }, "apiUrl", /http/],
    ["negative idle time", { idle: { autoStopMinutes: -1 } }, "idle.autoStopMinutes", /at least 0/],
    [
      "archive later than Daytona does",
      { idle: { autoArchiveMinutes: 43_201 } },
      "idle.autoArchiveMinutes",
      /at most 43200/,
    ],
    [
      "network without its prefix",
      { network: { allowList: ["10.0.0.1"] } },
      "network.allowList.0",
      /IPv4 network/,
    ],
    ["empty list", { network: { allowList: [] } }, "network.allowList", /1 to 10/],
    [
      "domain that is none",
      { network: { domainAllowList: ["https://github.com"] } },
      "network.domainAllowList.0",
      /a domain/,
    ],
    [
      "block beside a list",
      { network: { blockAll: true, allowList: ["10.0.0.0/8"] } },
      "network.blockAll",
      /no lists/,
    ],
    ["language", { language: "cobol" }, "language", /python/],
    ["user", { user: "a b" }, "user", /name of a user/],
    ["timeout of 0", { setupTimeoutMs: 0 }, "setupTimeoutMs", /at least 1/],
    ["SDK that is none", { sdk: "daytona" }, "sdk", /module/],
    ["not an object", null, "", /expected an object, got null/],
  ])("%s", (_name, config, path, message) => {
    const error = problemOf(config);
    expect(error.path).toBe(path);
    expect(error.message).toMatch(message);
    expect(error.code).toBe("CONFIG_INVALID");
  });

  test("the value that was given is not repeated, since it may be a secret", () => {
    const error = problemOf({ repoUrl: "https://user:s3cr3t-value@host/a", apiKey: 42 });
    expect(error.message).toContain("apiKey");
    expect(error.message).not.toContain("s3cr3t-value");
  });

  test("several mistakes are told at once", () => {
    const error = problemOf({ workDir: "x", cloneDepth: -1, repoUrl: "https://host/a" });
    expect(error.message).toContain("`workDir`");
    expect(error.message).toContain("`cloneDepth`");
  });
});

describe("the environment", () => {
  test("fills in what the config leaves out", () => {
    const resolved = resolveDaytonaConfig(
      {},
      {
        DAYTONA_API_KEY: key,
        DAYTONA_API_URL: "http://127.0.0.1:3986/api/",
        DAYTONA_TARGET: "eu",
        DAYTONA_ORGANIZATION_ID: "org",
      },
    );
    expect(resolved).toMatchObject({
      apiKey: key,
      apiUrl: "http://127.0.0.1:3986/api",
      target: "eu",
      organizationId: "org",
    });
  });

  test("gives way to the config", () => {
    const resolved = resolveDaytonaConfig(
      { apiKey: "mine", target: "us" },
      { DAYTONA_API_KEY: key, DAYTONA_TARGET: "eu" },
    );
    expect(resolved).toMatchObject({
      apiKey: "mine",
      target: "us",
      apiUrl: "https://app.daytona.io/api",
    });
  });

  test("a missing key names both ways to give it", () => {
    expect(() => resolveDaytonaConfig({}, { DAYTONA_API_KEY: " " })).toThrow(
      /`apiKey`.*DAYTONA_API_KEY/,
    );
  });
});

test("an unknown backend type lists the known ones", () => {
  expect(() => createBackend("dayton" as "daytona", {})).toThrow(/"dayton".*daytona/);
  expect(() => createBackend("toString" as "daytona", {})).toThrow(ConfigError);
});
