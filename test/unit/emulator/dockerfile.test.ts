import { describe, expect, test } from "vitest";
import { DockerfileError } from "../../../src/emulator/build/dockerfile/instruction.ts";
import { parseDockerfile } from "../../../src/emulator/build/dockerfile/parse-dockerfile.ts";
import { groupStages } from "../../../src/emulator/build/dockerfile/stages.ts";
import {
  execForm,
  expandWord,
  readPairs,
  splitWords,
} from "../../../src/emulator/build/dockerfile/words.ts";
import { entrypointOf } from "../../../src/emulator/build/entrypoint-of.ts";

function instructions(text: string): string[] {
  return parseDockerfile(text).instructions.map(({ keyword, rest }) => `${keyword} ${rest}`);
}

describe("lines", () => {
  test("comments, empty lines and continued lines", () => {
    const text =
      "\uFEFF# syntax=docker/dockerfile:1\r\nfrom a\r\n\r\n  # no\r\nRUN one \\  \r\n # inside\r\n\r\n && two # not a comment\r\n";
    expect(instructions(text)).toEqual(["FROM a", "RUN one  && two # not a comment"]);
  });

  test("the escape directive counts at the top alone", () => {
    expect(instructions("# escape=`\nFROM a\nRUN c:\\x `\n two\n")).toEqual([
      "FROM a",
      "RUN c:\\x  two",
    ]);
    expect(instructions("FROM a\n# escape=`\nRUN x `\nRUN y\n")).toEqual([
      "FROM a",
      "RUN x `",
      "RUN y",
    ]);
  });

  test("flags stand before the arguments", () => {
    const [, copy] = parseDockerfile("FROM a\nCOPY --chown=1:2 --link a --b c\n").instructions;
    expect([...(copy?.flags ?? [])]).toEqual([
      ["chown", "1:2"],
      ["link", ""],
    ]);
    expect(copy?.rest).toBe("a --b c");
  });

  test("heredocs", () => {
    const text =
      "FROM a\nRUN <<EOF && cat <<-\"X Y\" <<-'END'\none\n\nEOF\n\ttwo\n\tEND\nRUN echo $((1<<2)) <<<x\n";
    const [, run, shift] = parseDockerfile(text).instructions;
    expect(run?.heredocs).toEqual([
      { name: "EOF", content: "one\n\n", expands: true },
      { name: "END", content: "two\n", expands: false },
    ]);
    expect(shift?.heredocs).toEqual([]);
  });

  test.each([
    ["", /no instructions/],
    ["# only this\n", /no instructions/],
    ["FROM a\nNOPE b\n", /line 2: unknown instruction: NOPE/],
    ["FROM a\nENV\n", /line 2: ENV requires at least one argument/],
    ["FROM a\nRUN <<EOF\nx\n", /unterminated heredoc: EOF/],
    ["# escape=x\nFROM a\n", /invalid ESCAPE/],
    ["RUN x\nFROM a\n", /line 1: no build stage/],
    ["ARG A=1\n", /no build stage/],
    ["FROM a b\n", /one or three arguments/],
    ["FROM a\nSHELL sh -c\n", /JSON form/],
  ])("%j is refused", (text, message) => {
    expect(() => groupStages(text)).toThrow(DockerfileError);
    expect(() => groupStages(text)).toThrow(message);
  });
});

describe("words", () => {
  const variables = new Map([
    ["A", "a b"],
    ["EMPTY", ""],
  ]);
  test.each([
    ["$A-${A}", "a b-a b"],
    ["'$A'", "$A"],
    ['"$A \\$A \\"q\\" \\x"', 'a b $A "q" \\x'],
    ["\\$A\\ x", "$A x"],
    ["${NO:-d-$A}", "d-a b"],
    ["${EMPTY:-d}${EMPTY-d}.", "d."],
    ["${A:+set}${NO:+set}", "set"],
    ["${EMPTY+set}${EMPTY:+set}", "set"],
    ["${NO:-${A}}", "a b"],
    ["a$", "a$"],
    ["$NO", ""],
  ])("%j means %j", (word, meaning) => {
    expect(expandWord(word, variables, "\\")).toBe(meaning);
  });

  test.each(["'x", '"x', "${A", "${A#x}", "${NO:?must be}"])("%j is refused", (word) => {
    expect(() => expandWord(word, variables, "\\")).toThrow(DockerfileError);
  });

  test("blanks separate, quotes and escapes keep together", () => {
    expect(splitWords(`a  "b c" d\\ e 'f "g'`, "\\")).toEqual(["a", '"b c"', "d\\ e", `'f "g'`]);
  });

  test("pairs, and the older form of one", () => {
    const expand = (word: string) => expandWord(word, variables, "\\");
    expect(readPairs(`B=1 C="x=$A"`, "\\", expand)).toEqual([
      ["B", "1"],
      ["C", "x=a b"],
    ]);
    expect(readPairs("B some = text", "\\", expand)).toEqual([["B", "some = text"]]);
    expect(() => readPairs("B=1 C", "\\", expand)).toThrow(DockerfileError);
  });

  test("the exec form is JSON, and nothing else", () => {
    expect(execForm('["a b", "c"]')).toEqual(["a b", "c"]);
    expect(execForm("['a']")).toBeUndefined();
    expect(execForm("[1]")).toBeUndefined();
    expect(execForm("[ -d x ]")).toBeUndefined();
  });
});

test("stages", () => {
  const { stages, globals } = groupStages(
    "ARG V=1\nARG W\nFROM a:$V AS One\nRUN x\nENV A=b\nFROM one\nCOPY a b\n",
  );
  expect(globals).toEqual([
    ["V", "1"],
    ["W", undefined],
  ]);
  expect(stages.map(({ base, name, fileSteps }) => [base, name, fileSteps])).toEqual([
    ["a:$V", "one", 1],
    ["one", undefined, 1],
  ]);
});

test.each([
  ["FROM a\n", undefined],
  ['FROM a\nENTRYPOINT ["sleep", "1"]\nENTRYPOINT ["x"]\n', ["x"]],
  // The API takes the whole of the shell form for one word.
  ['FROM a\nENTRYPOINT node "server.js"\n', ["node server.js"]],
])("the entry point of %j", (dockerfile, entrypoint) => {
  expect(entrypointOf(dockerfile)).toEqual(entrypoint);
});
