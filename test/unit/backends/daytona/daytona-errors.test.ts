import { describe, expect, test } from "vitest";
import { classifyDaytonaError } from "../../../../src/backends/daytona/daytona-errors.ts";
import { RateLimitError } from "../../../../src/index.ts";

function foreign(statusCode: number | undefined, message: string, extra: object = {}): Error {
  return Object.assign(new Error(message), { statusCode, ...extra });
}

describe("answers of the API", () => {
  test.each<[number, string, string, boolean]>([
    [400, "Total disk limit exceeded. Maximum allowed: 30GiB.", "QUOTA_EXCEEDED", false],
    [400, "CPU request 8 exceeds maximum allowed per sandbox (4).", "QUOTA_EXCEEDED", false],
    [400, "Sandbox resource limit reached (16)", "QUOTA_EXCEEDED", false],
    [400, "Snapshot quota exceeded. Maximum allowed: 30", "QUOTA_EXCEEDED", false],
    [400, "No available runners", "NO_CAPACITY", true],
    [
      400,
      "Snapshot x not found. Did you add it through the Daytona Dashboard?",
      "SNAPSHOT_FAILED",
      false,
    ],
    [400, "Snapshot x is inactive", "SNAPSHOT_FAILED", false],
    [400, "Sandbox state change in progress", "SANDBOX_STATE", true],
    [400, "Sandbox is in an errored state", "SANDBOX_STATE", false],
    [400, "Sandbox is not in valid state", "SANDBOX_STATE", true],
    [400, "something new", "CONFIG_INVALID", false],
    [401, "Invalid credentials", "AUTHENTICATION_FAILED", false],
    [403, "Forbidden resource", "PERMISSION_DENIED", false],
    [404, "Region not found", "CONFIG_INVALID", false],
    [409, "Sandbox with name a already exists", "SANDBOX_STATE", false],
    [409, "Sandbox state change in progress", "SANDBOX_STATE", true],
    [429, "ThrottlerException: Too Many Requests", "RATE_LIMITED", true],
    [500, "An unexpected error occurred.", "CONNECTION_FAILED", true],
    [502, "Request failed with status code 502", "CONNECTION_FAILED", true],
    [503, "Temporary authentication service error", "CONNECTION_FAILED", true],
    [504, "<html>", "CONNECTION_FAILED", true],
  ])("%i %s", (statusCode, message, code, retryable) => {
    const error = classifyDaytonaError(foreign(statusCode, message), "api");
    expect(error).toMatchObject({ code, retryable });
  });

  test("the suffixed header of a rate limit is obeyed, the longest one", () => {
    const error = classifyDaytonaError(
      foreign(429, "Too Many Requests", {
        headers: { "retry-after-sandbox-create": "12", "Retry-After-authenticated": "3" },
      }),
      "api",
    );
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({ retryAfterMs: 12_000 });
  });
});

describe("no answer", () => {
  test.each([
    ["connect ECONNREFUSED 127.0.0.1:1", {}, "NotSentError"],
    [
      "fetch failed",
      { cause: Object.assign(new Error("x"), { code: "ENOTFOUND" }) },
      "NotSentError",
    ],
    ["read ECONNRESET", { code: "ECONNRESET" }, "ConnectionError"],
    ["[object Object]", {}, "ConnectionError"],
  ])("%s", (message, extra, className) => {
    const error = classifyDaytonaError(foreign(undefined, message, extra), "api");
    expect(error.constructor.name).toBe(className);
    expect(error).toMatchObject({ code: "CONNECTION_FAILED", retryable: true });
    expect(error.message).not.toContain("[object Object]");
  });

  test("something that is no error at all", () => {
    expect(classifyDaytonaError({ type: "error" }, "toolbox").code).toBe("CONNECTION_FAILED");
  });
});

test("the cause is a clean copy: neither headers nor a request object survive", () => {
  const error = classifyDaytonaError(
    foreign(502, "bad gateway", {
      headers: { authorization: "Bearer s3cr3t" },
      config: { headers: { Authorization: "Bearer s3cr3t" } },
      request: { socket: "s3cr3t" },
    }),
    "api",
  );
  const shown = JSON.stringify(error) + JSON.stringify(error.cause) + String(error.stack);
  expect(shown).not.toContain("s3cr3t");
  expect(Object.keys(error.cause as object)).toEqual(["statusCode"]);
});
