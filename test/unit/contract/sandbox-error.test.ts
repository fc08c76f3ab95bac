import { readFile } from "node:fs/promises";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import * as library from "../../../src/index.ts";
import { ConfigError, ConnectionError, SandboxError, SetupError } from "../../../src/index.ts";

test("an error says what happened, to which sandbox, and whether a retry may help", () => {
  const error = new ConnectionError("no answer", {
    operation: "exec",
    sandboxId: "s1",
    retryable: true,
    cause: new Error("socket hang up"),
  });
  expect(error).toMatchObject({
    name: "ConnectionError",
    code: "CONNECTION_FAILED",
    operation: "exec",
    sandboxId: "s1",
    retryable: true,
  });
  expect(JSON.parse(JSON.stringify(error))).toMatchObject({
    name: "ConnectionError",
    message: "no answer",
    code: "CONNECTION_FAILED",
    sandboxId: "s1",
    cause: { message: "socket hang up" },
  });
});

test("`is` knows errors of another copy of the package, and nothing else", () => {
  const other = Object.defineProperty(new Error("x"), Symbol.for("sandbox-backend.error"), {
    value: true,
  });
  expect(SandboxError.is(other)).toBe(true);
  expect(SandboxError.is(new ConfigError("x"))).toBe(true);
  expect(SandboxError.is(new Error("x"))).toBe(false);
  expect(SandboxError.is(undefined)).toBe(false);
});

test("a cause of ours keeps its class; a foreign one keeps its words and loses everything else", () => {
  const inner = new ConfigError("inner", { path: "a" });
  expect(new SetupError("outer", { step: "create", cause: inner }).cause).toBe(inner);
  const foreign = Object.assign(new Error("refused"), {
    config: { headers: { Authorization: "hidden" } },
  });
  const outer = new SetupError("outer", { step: "create", cause: foreign });
  expect(inspect(outer, { depth: 10 })).not.toContain("hidden");
});

test("every error class has a heading with its code in docs/errors.md, and every heading has a class", async () => {
  const page = await readFile(new URL("../../../docs/errors.md", import.meta.url), "utf8");
  const documented = [...page.matchAll(/^## `([A-Z_]+)`/gm)].map(([, code]) => code).sort();
  const classes = Object.entries(library)
    .filter(
      ([name, value]) =>
        name.endsWith("Error") && typeof value === "function" && name !== "SandboxError",
    )
    .map(
      ([, value]) =>
        new (value as unknown as new (message: string, options: object) => { code: string })("x", {
          result: {},
        }).code,
    )
    .sort();
  expect(documented).toEqual(classes);
});
