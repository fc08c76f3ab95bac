import { expectTypeOf, test } from "vitest";
import type * as z from "zod/mini";
import type {
  DaytonaConfig,
  daytonaConfigSchema,
} from "../../src/backends/daytona/daytona-config.ts";
import type { BackendConfig, DaytonaSdkSource } from "../../src/index.ts";

/**
 * The same type with nothing read-only in it: the documented interface promises not to change a config, which a schema cannot
 * say. What is a module, a function or bytes is left as it is.
 */
type Writable<Value> = Value extends
  | DaytonaSdkSource
  | Uint8Array
  | URL
  | ((...given: never[]) => unknown)
  ? Value
  : Value extends object
    ? { -readonly [Key in keyof Value]: Writable<Value[Key]> }
    : Value;

test("the documented config is what the schema takes, option for option", () => {
  expectTypeOf<Writable<z.input<ReturnType<typeof daytonaConfigSchema>>>>().toEqualTypeOf<
    Writable<DaytonaConfig>
  >();
});

test("the schema changes nothing on the way", () => {
  expectTypeOf<z.output<ReturnType<typeof daytonaConfigSchema>>>().toEqualTypeOf<
    z.input<ReturnType<typeof daytonaConfigSchema>>
  >();
});

test("a config that holds only what every backend has fits each backend", () => {
  expectTypeOf<BackendConfig>().toExtend<DaytonaConfig>();
});

test("every option may be left out", () => {
  expectTypeOf<Record<string, never>>().toExtend<DaytonaConfig>();
});
