import { describe, expect, test } from "vitest";
import { OutputBuffer } from "../../../../src/core/commands/output-buffer.ts";

const whole = Uint8Array.from({ length: 100 }, (_, index) => index);

describe("an output buffer", () => {
  test("keeps everything up to its size", () => {
    const buffer = new OutputBuffer(100);
    buffer.append(whole);
    expect(buffer.bytes()).toEqual(whole);
    expect(buffer.droppedBytes).toBe(0);
  });

  test.each([1, 3, 7, 50, 100])("keeps head and tail, in pieces of %i bytes", (size) => {
    for (const maxBytes of [0, 1, 2, 9, 10, 99]) {
      const buffer = new OutputBuffer(maxBytes);
      for (let start = 0; start < whole.length; start += size) {
        buffer.append(whole.subarray(start, start + size));
      }
      const head = Math.ceil(maxBytes / 2);
      const tail = whole.subarray(whole.length - (maxBytes - head));
      expect([...buffer.bytes()]).toEqual([...whole.subarray(0, head), ...tail]);
      expect(buffer.droppedBytes).toBe(whole.length - maxBytes);
    }
  });

  test("holds little more than it keeps", () => {
    const buffer = new OutputBuffer(1_000);
    const chunk = new Uint8Array(64 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 2_000; count++) buffer.append(chunk);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
    expect(buffer.droppedBytes).toBe(2_000 * chunk.length - 1_000);
  });

  test("counts what was never fetched", () => {
    const buffer = new OutputBuffer(10);
    buffer.append(whole.subarray(0, 5));
    buffer.skip(90);
    buffer.append(whole.subarray(95));
    expect([...buffer.bytes()]).toEqual([0, 1, 2, 3, 4, 95, 96, 97, 98, 99]);
    expect(buffer.droppedBytes).toBe(90);
  });
});
