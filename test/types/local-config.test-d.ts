import { expectTypeOf, test } from "vitest";
import type * as z from "zod/mini";
import type { localConfigSchema } from "../../src/backends/local/local-config.ts";
import type { BackendConfig, LocalConfig } from "../../src/index.ts";

type Schema = ReturnType<typeof localConfigSchema>;

/** The same type with nothing read-only in it: the documented interface promises not to change a config, which a schema cannot say. */
type Writable<Value> = Value extends Uint8Array | URL
  ? Value
  : Value extends object
    ? { -readonly [Key in keyof Value]: Writable<Value[Key]> }
    : Value;

/** The schema knows idle times only to say of each that it is wrong, before all of them are refused. */
test("the documented config is what the schema takes, option for option, but for idle times", () => {
  expectTypeOf<Omit<z.input<Schema>, "idle">>().toEqualTypeOf<Writable<LocalConfig>>();
});

test("the schema changes nothing on the way", () => {
  expectTypeOf<z.output<Schema>>().toEqualTypeOf<z.input<Schema>>();
});

test("a config that holds only what every backend has fits, but for idle times", () => {
  expectTypeOf<Omit<BackendConfig, "idle">>().toExtend<LocalConfig>();
  expectTypeOf<keyof LocalConfig>().toEqualTypeOf<
    | Exclude<keyof BackendConfig, "idle">
    | "directory"
    | "isolation"
    | "network"
    | "resources"
    | "snapshot"
  >();
});

test("every option may be left out", () => {
  expectTypeOf<Record<string, never>>().toExtend<LocalConfig>();
});
