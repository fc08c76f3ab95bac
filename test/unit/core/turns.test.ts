import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { Turns } from "../../../src/core/turns.ts";

const { signal } = new AbortController();

describe("turns", () => {
  test("come one after the other, and a failure holds up nobody", async () => {
    const turns = new Turns();
    const order: string[] = [];
    const slow = turns.take(signal, async () => {
      await sleep(30);
      order.push("slow");
    });
    const failing = turns.take(signal, async () => {
      order.push("failing");
      throw new Error("not today");
    });
    const last = turns.take(signal, async () => order.push("last"));
    await expect(failing).rejects.toThrow("not today");
    await Promise.all([slow, last]);
    expect(order).toEqual(["slow", "failing", "last"]);
  });

  test("that are given up while they wait let nobody overtake what runs", async () => {
    const turns = new Turns();
    const order: string[] = [];
    const given = new AbortController();
    const running = turns.take(signal, async () => {
      await sleep(50);
      order.push("running");
    });
    const waiting = turns.take(given.signal, async () => order.push("given up"));
    given.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await Promise.all([running, turns.take(signal, async () => order.push("next"))]);
    expect(order).toEqual(["running", "next"]);
  });
});
