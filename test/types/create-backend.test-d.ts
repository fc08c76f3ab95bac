import { describe, expectTypeOf, test } from "vitest";
import {
  type Backend,
  type Backends,
  type BackendType,
  createBackend,
  createProvider,
  type DaytonaBackend,
  type DaytonaConfig,
  type DaytonaProvider,
  type LocalBackend,
  type LocalConfig,
  type LocalProvider,
  type Provider,
  reconnectBackend,
} from "../../src/index.ts";

describe("createBackend", () => {
  test("gives the class of its type", () => {
    expectTypeOf(createBackend("daytona")).toEqualTypeOf<DaytonaBackend>();
    expectTypeOf(createBackend("daytona", { apiKey: "key" })).toEqualTypeOf<DaytonaBackend>();
    expectTypeOf(createBackend("local")).toEqualTypeOf<LocalBackend>();
    expectTypeOf(createBackend("local", { isolation: "none" })).toEqualTypeOf<LocalBackend>();
  });

  test("gives a Backend for a type that is known only when it runs", () => {
    const type = "daytona" as BackendType;
    expectTypeOf(createBackend(type)).toExtend<Backend>();
    expectTypeOf<Backends[BackendType]>().toExtend<Backend>();
  });

  test("refuses an unknown type", () => {
    // @ts-expect-error There is no such type.
    createBackend("datona");
  });

  test("refuses an unknown option", () => {
    // @ts-expect-error There is no such option.
    createBackend("daytona", { imag: "node:20-slim" });
  });

  test("refuses the option of another type", () => {
    // @ts-expect-error The local backend needs no key.
    createBackend("local", { apiKey: "key" });
    // @ts-expect-error Daytona decides itself where its sandboxes are.
    createBackend("daytona", { directory: "/sandboxes" });
  });

  test("refuses idle times that nobody counts", () => {
    // @ts-expect-error The local backend has none.
    createBackend("local", { idle: { autoStopMinutes: 15 } });
  });

  test("refuses an unknown nested option", () => {
    // @ts-expect-error There is no such option.
    createBackend("daytona", { image: "node:20-slim", resources: { memoryGB: 2 } });
  });

  test("refuses a value of the wrong type", () => {
    // @ts-expect-error Minutes are a number.
    createBackend("daytona", { idle: { autoStopMinutes: "15" } });
  });

  test("takes undefined for an option, as for one that is left out", () => {
    expectTypeOf(createBackend<"daytona">).toBeCallableWith("daytona", { apiKey: undefined });
  });
});

describe("createProvider", () => {
  test("gives the class of its type", () => {
    expectTypeOf(createProvider("daytona")).toEqualTypeOf<DaytonaProvider>();
    expectTypeOf(createProvider("local", { isolation: "none" })).toEqualTypeOf<LocalProvider>();
    expectTypeOf(createProvider("daytona" as BackendType)).toExtend<Provider>();
  });

  test("takes how the provider is reached, and nothing of a sandbox", () => {
    // @ts-expect-error An owner is named by each call.
    createProvider("daytona", { owner: "me" });
    // @ts-expect-error The local provider needs no key.
    createProvider("local", { apiKey: "key" });
  });

  test("sweeps nothing without an owner", () => {
    // @ts-expect-error The owner is missing.
    void createProvider("daytona").sweep({ dryRun: true });
  });
});

describe("reconnectBackend", () => {
  test("gives the class of its type", () => {
    expectTypeOf(reconnectBackend("daytona", "id")).resolves.toEqualTypeOf<DaytonaBackend>();
  });

  test("takes a ref in the place of type and ID", () => {
    const ref = createBackend("daytona").ref;
    if (ref !== undefined) {
      expectTypeOf(reconnectBackend(ref)).resolves.toExtend<Backend>();
      const config: DaytonaConfig = { apiKey: "key" };
      expectTypeOf(reconnectBackend(ref, config)).resolves.toExtend<Backend>();
      const local: LocalConfig = { directory: "/sandboxes" };
      expectTypeOf(reconnectBackend(ref, local)).resolves.toExtend<Backend>();
    }
  });

  test("needs an ID beside a type", () => {
    // @ts-expect-error The ID is missing.
    void reconnectBackend("daytona");
  });
});
