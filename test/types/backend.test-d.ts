import { describe, expectTypeOf, test } from "vitest";
import type {
  Backend,
  BackendRef,
  CodeInterpreter,
  DaytonaBackend,
  ExecResult,
  LocalBackend,
  SandboxError,
  SandboxErrorCode,
} from "../../src/index.ts";

declare const backend: Backend;

type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

test("every backend is a Backend", () => {
  expectTypeOf<DaytonaBackend>().toExtend<Backend>();
  expectTypeOf<LocalBackend>().toExtend<Backend>();
});

test("only Daytona's has a code interpreter", () => {
  expectTypeOf<DaytonaBackend["codeInterpreter"]>().toEqualTypeOf<CodeInterpreter>();
  expectTypeOf<LocalBackend>().not.toHaveProperty("codeInterpreter");
  expectTypeOf<Backend>().not.toHaveProperty("codeInterpreter");
});

describe("readFile", () => {
  test("gives bytes without an encoding", () => {
    expectTypeOf(backend.readFile("a")).toEqualTypeOf<Promise<Uint8Array>>();
    expectTypeOf(backend.readFile("a", { maxBytes: 1 })).toEqualTypeOf<Promise<Uint8Array>>();
    expectTypeOf(backend.readFile("a", { encoding: undefined })).toEqualTypeOf<
      Promise<Uint8Array>
    >();
  });

  test("gives text with the encoding utf8", () => {
    expectTypeOf(backend.readFile("a", { encoding: "utf8" })).toEqualTypeOf<Promise<string>>();
  });

  test("refuses another encoding", () => {
    // @ts-expect-error Only utf8 is known.
    void backend.readFile("a", { encoding: "latin1" });
  });
});

describe("ref", () => {
  test("is undefined before setup", () => {
    expectTypeOf<Backend["ref"]>().toEqualTypeOf<BackendRef | undefined>();
  });

  test("is JSON", () => {
    // An interface has no index signature; a copy of its properties can be compared.
    expectTypeOf<Pick<BackendRef, keyof BackendRef>>().toExtend<Json>();
  });
});

describe("exec", () => {
  test("takes a script or an argv", () => {
    expectTypeOf(backend.exec("true")).toEqualTypeOf<Promise<ExecResult>>();
    expectTypeOf(backend.exec(["true"] as const)).toEqualTypeOf<Promise<ExecResult>>();
  });

  test("refuses an option that does not exist", () => {
    // @ts-expect-error Units are part of the name.
    void backend.exec("true", { timeout: 5 });
  });
});

test("every error has a code that is known", () => {
  expectTypeOf<SandboxError["code"]>().toEqualTypeOf<SandboxErrorCode>();
});
