import { describe, expect, test } from "vitest";
import { UnsupportedOperationError } from "../../../../src/contract/provider-errors.ts";
import { importPart, LoadedLater } from "../../../../src/core/lazy/loaded-later.ts";

/** Something that is loaded, and counts. */
class Part implements AsyncDisposable {
  disposals = 0;

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposals++;
  }
}

function counted(failures = 0) {
  const loads: Part[] = [];
  let failuresLeft = failures;
  const later = new LoadedLater(async () => {
    await Promise.resolve();
    if (failuresLeft-- > 0) throw new Error("not this time");
    const part = new Part();
    loads.push(part);
    return part;
  });
  return { later, loads };
}

describe("what is loaded later", () => {
  test("is loaded by the first that asks, once, and is known afterwards", async () => {
    const { later, loads } = counted();
    expect(later.known).toBeUndefined();
    expect(loads).toEqual([]);
    const [first, second] = await Promise.all([later.get(), later.get()]);
    expect(await later.get()).toBe(first);
    expect(second).toBe(first);
    expect(loads).toEqual([first]);
    expect(later.known).toBe(first);
  });

  test("is loaded anew after a failure, which all who waited are told", async () => {
    const { later, loads } = counted(1);
    const outcomes = await Promise.allSettled([later.get(), later.get()]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(later.known).toBeUndefined();
    expect(await later.get()).toBe(loads[0]);
  });

  test("lets those who asked go on in the order in which they asked", async () => {
    const { later } = counted();
    const order: number[] = [];
    await Promise.all([1, 2, 3].map((number) => later.get().then(() => order.push(number))));
    expect(order).toEqual([1, 2, 3]);
  });

  test("is not loaded to be disposed of, and is disposed of when it is loaded after that", async () => {
    const { later, loads } = counted();
    await later.dispose();
    expect(loads).toEqual([]);
    expect((await later.get()).disposals).toBe(1);
  });

  test("is disposed of when that is asked for while it is being loaded", async () => {
    const { later, loads } = counted();
    const loading = later.get();
    await later.dispose();
    expect((await loading).disposals).toBe(1);
    expect(loads).toHaveLength(1);
  });

  test("can be disposed of when its load fails", async () => {
    const { later } = counted(1);
    const loading = later.get();
    await Promise.all([expect(loading).rejects.toThrow("not this time"), later.dispose()]);
  });
});

test("a part of the package that is not there is an error of ours that says what to do", async () => {
  const missing = "./a-part-that-is-not-there.ts";
  const failed = importPart(() => import(missing));
  await expect(failed).rejects.toThrow(UnsupportedOperationError);
  await expect(failed).rejects.toMatchObject({
    code: "UNSUPPORTED_OPERATION",
    message: expect.stringContaining("Start the host app again"),
    cause: expect.objectContaining({
      message: expect.stringContaining("a-part-that-is-not-there"),
    }),
  });
});
