import { describe, expect, test } from "vitest";
import { createTag, parseAnswer } from "../../../../src/core/commands/answer.ts";

describe("an answer", () => {
  const tag = createTag();

  test("is cut at its tag, whatever surrounds it", () => {
    const answer = parseAnswer(`noise\n${tag} one 1\ndata\0\r\n${tag} two\n${tag} end\n`, tag);
    expect(answer?.preamble).toBe("noise\n");
    expect(answer?.sections.map(({ words }) => words)).toEqual([["one", "1"], ["two"], ["end"]]);
    expect(Buffer.from(answer?.sections[0]?.data ?? []).toString()).toBe("data\0\r\n");
  });

  test("is nothing without its end", () => {
    for (const text of ["", "noise", `${tag} one\n`, `${tag} end`.slice(0, -1)]) {
      expect(parseAnswer(text, tag)).toBeUndefined();
    }
    expect(parseAnswer(`${tag} end`, createTag())).toBeUndefined();
  });

  test("says where bytes may have been damaged", () => {
    const answer = parseAnswer(`${tag} a\nfine é\n${tag} b\nbad \uFFFD\n${tag} end\n`, tag);
    expect(answer?.sections.map(({ damaged }) => damaged)).toEqual([false, true, false]);
  });
});
