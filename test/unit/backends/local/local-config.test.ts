import { homedir } from "node:os";
import { describe, expect, test } from "vitest";
import {
  type LocalConfig,
  resolveLocalConfig,
} from "../../../../src/backends/local/local-config.ts";
import { ConfigError, createBackend } from "../../../../src/index.ts";

function problemOf(config: unknown, environment: Record<string, string> = {}): ConfigError {
  try {
    resolveLocalConfig(config as LocalConfig, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("The config was accepted.");
}

describe("a wrong config names the path and what was expected", () => {
  test.each<[string, unknown, string, RegExp]>([
    ["unknown option", { image: "node:20" }, "image", /there is no such option/],
    ["relative folder", { directory: "sandboxes" }, "directory", /absolute path/],
    ["the root as folder", { directory: "/a/.." }, "directory", /other than \//],
    ["unknown isolation", { isolation: "docker" }, "isolation", /"namespaces", "none"/],
    ["idle times", { idle: { autoStopMinutes: 5 } }, "idle", /no idle time is counted/],
    ["no idle times", { idle: {} }, "idle", /no idle time is counted/],
    ["wrong idle times", { idle: { autoStopMinutes: -1 } }, "idle.autoStopMinutes", /at least 0/],
    ["too few processes", { resources: { processes: 15 } }, "resources.processes", /from 16/],
    ["half a process", { resources: { processes: 16.5 } }, "resources.processes", /whole number/],
    ["too little memory", { resources: { memoryGiB: 0 } }, "resources.memoryGiB", /from 0.03125/],
    ["too little time", { resources: { cpu: 0 } }, "resources.cpu", /from 0.01/],
    ["a limit of the disk", { resources: { diskGiB: 1 } }, "resources.diskGiB", /no such option/],
    [
      "resources without isolation",
      { isolation: "none", resources: { cpu: 1 } },
      "resources",
      /nothing with isolation `none`/,
    ],
    [
      "a list of networks",
      { network: { allowList: ["10.0.0.0/8"] } },
      "network.allowList",
      /no such/,
    ],
    [
      "no network without isolation",
      { isolation: "none", network: { blockAll: true } },
      "network.blockAll",
      /nothing with isolation `none`/,
    ],
    [
      "a repository without a network",
      { repoUrl: "https://example.com/a.git", network: { blockAll: true } },
      "repoUrl",
      /nothing beside `network.blockAll`/,
    ],
    [
      "dotfiles without a network",
      { dotfiles: "https://example.com/a.git", network: { blockAll: true } },
      "dotfiles",
      /nothing beside `network.blockAll`/,
    ],
    ["branch without repository", { branchName: "main" }, "branchName", /`repoUrl` beside it/],
    [
      "a path of this machine without isolation",
      { isolation: "none", workDir: "/workspace" },
      "workDir",
      /begins with ~\//,
    ],
    [
      "a path beside the sandboxes' folder without isolation",
      { isolation: "none", directory: "/sandboxes", workDir: "/sandboxes-of-others/a" },
      "workDir",
      /begins with ~\//,
    ],
  ])("%s", (_what, config, path, expected) => {
    const error = problemOf(config);
    expect(error.path).toBe(path);
    expect(error.message).toMatch(expected);
    expect(error.message).toContain(path);
  });
});

describe("the folder of the sandboxes", () => {
  test.each<[string, LocalConfig, Record<string, string>, string]>([
    ["is what the config says", { directory: "/a/./b" }, { XDG_STATE_HOME: "/state" }, "/a/b"],
    [
      "else what its variable says",
      {},
      { SANDBOX_BACKEND_LOCAL_DIRECTORY: "/boxes", XDG_STATE_HOME: "/state" },
      "/boxes",
    ],
    ["else below the state folder", {}, { XDG_STATE_HOME: "/state" }, "/state/sandbox-backend"],
    [
      "an empty variable is none",
      {},
      { SANDBOX_BACKEND_LOCAL_DIRECTORY: "", XDG_STATE_HOME: "/s" },
      "/s/sandbox-backend",
    ],
    [
      "a relative state folder is ignored",
      {},
      { XDG_STATE_HOME: "state", HOME: "/home/me" },
      "/home/me/.local/state/sandbox-backend",
    ],
    ["else below the home", {}, {}, `${homedir()}/.local/state/sandbox-backend`],
  ])("%s", (_what, config, environment, expected) => {
    expect(resolveLocalConfig(config, environment).directory).toBe(expected);
  });

  test("a relative one in the variable is refused", () => {
    const error = problemOf({}, { SANDBOX_BACKEND_LOCAL_DIRECTORY: "boxes" });
    expect(error.path).toBe("directory");
    expect(error.message).toContain("SANDBOX_BACKEND_LOCAL_DIRECTORY");
  });
});

describe("isolation", () => {
  test("is by namespaces unless it is named otherwise", () => {
    expect(createBackend("local").capabilities.isolation).toBe("namespaces");
    expect(createBackend("local", { isolation: "none" }).capabilities.isolation).toBe("none");
  });

  test("decides where the working directory is", () => {
    expect(createBackend("local").workDir).toBe("/workspace");
    expect(createBackend("local", { isolation: "none" }).workDir).toBe("~/workspace");
    expect(createBackend("local", { isolation: "none", workDir: "~/a" }).workDir).toBe("~/a");
  });

  test("`none` takes the working directory of a sandbox that exists, as `ref` has it", () => {
    const config: LocalConfig = { isolation: "none", directory: "/boxes", workDir: "/boxes/a/b" };
    expect(resolveLocalConfig(config, {}).workDir).toBe("/boxes/a/b");
  });
});

test("idle times are none of its capabilities", () => {
  expect(createBackend("local").capabilities.idleTimeouts).toBe(false);
});
