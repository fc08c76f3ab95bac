import { describe, expect, test } from "vitest";
import {
  classifyLocalError,
  classifyLocalFileError,
} from "../../../../src/backends/local/local-errors.ts";
import { NameTakenError, NotSentError } from "../../../../src/core/transport.ts";
import { EngineError, type EngineErrorCode } from "../../../../src/engine/engine-error.ts";
import { ConfigError, FileAccessError, type SandboxErrorCode } from "../../../../src/index.ts";

function nodeError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: of the test`), { code });
}

describe("errors of the engine", () => {
  test.each<[EngineErrorCode, SandboxErrorCode, boolean]>([
    ["ISOLATION_UNAVAILABLE", "UNSUPPORTED_OPERATION", false],
    ["INVALID_ARGUMENT", "CONFIG_INVALID", false],
    ["SANDBOX_EXISTS", "SANDBOX_STATE", false],
    ["SANDBOX_NOT_FOUND", "SANDBOX_NOT_FOUND", false],
    ["SANDBOX_STOPPED", "SANDBOX_STATE", false],
    ["SANDBOX_START_FAILED", "NO_CAPACITY", false],
    ["SANDBOX_LOCKED", "SANDBOX_STATE", true],
    ["PROCESSES_REMAIN", "SANDBOX_STATE", true],
    ["LIMITS_UNAVAILABLE", "UNSUPPORTED_OPERATION", false],
    ["NETWORK_UNAVAILABLE", "UNSUPPORTED_OPERATION", false],
    ["LIMIT_REACHED", "NO_CAPACITY", true],
    ["PTY_UNAVAILABLE", "UNSUPPORTED_OPERATION", false],
    ["PTY_CLOSED", "CONNECTION_FAILED", false],
    ["STATE_UNREADABLE", "SANDBOX_STATE", false],
    ["ENGINE_CLOSED", "CONNECTION_FAILED", false],
  ])("%s is %s", (code, expected, retryable) => {
    const error = classifyLocalError(new EngineError(code, "the engine's words"), "sandbox");
    expect(error).toMatchObject({ code: expected, retryable });
    expect(error.message).toContain("the engine's words");
  });

  test("a taken ID is a taken name", () => {
    const taken = classifyLocalError(new EngineError("SANDBOX_EXISTS", "taken"), "sandbox");
    expect(taken).toBeInstanceOf(NameTakenError);
  });
});

describe("errors of the machine", () => {
  test("a full disk is no capacity for a sandbox", () => {
    expect(classifyLocalError(nodeError("ENOSPC"), "sandbox").code).toBe("NO_CAPACITY");
    expect(classifyLocalError(nodeError("EMFILE"), "directory").code).toBe("NO_CAPACITY");
  });

  test("a folder that may not be written is a wrong config", () => {
    const error = classifyLocalError(nodeError("EACCES"), "directory");
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ path: "directory" });
  });

  test("a program that did not start has certainly not run", () => {
    const passing = classifyLocalError(nodeError("EAGAIN"), "program");
    expect(passing).toBeInstanceOf(NotSentError);
    expect(passing.retryable).toBe(true);
    expect(classifyLocalError(nodeError("ENOENT"), "program").retryable).toBe(false);
  });

  test.each<[string, SandboxErrorCode, string | undefined]>([
    ["ENOENT", "FILE_NOT_FOUND", undefined],
    ["EACCES", "FILE_ACCESS", "permission-denied"],
    ["EISDIR", "FILE_ACCESS", "is-directory"],
    ["ENOTDIR", "FILE_ACCESS", "not-a-directory"],
    ["ENOSPC", "FILE_ACCESS", "no-space"],
    ["ELOOP", "FILE_ACCESS", "other"],
  ])("%s at a file is %s", (code, expected, reason) => {
    const error = classifyLocalFileError(nodeError(code), "/a");
    expect(error).toMatchObject({ code: expected, path: "/a" });
    expect(error instanceof FileAccessError ? error.reason : undefined).toBe(reason);
  });
});

test("an error of ours stays what it is", () => {
  const ours = new ConfigError("ours");
  expect(classifyLocalError(ours, "program")).toBe(ours);
  expect(classifyLocalFileError(ours, "/a")).toBe(ours);
});
