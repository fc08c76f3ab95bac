import { randomBytes } from "node:crypto";

/** One part of an answer: the words after the tag, and the bytes up to the next tag. */
export interface AnswerSection {
  readonly words: readonly string[];
  readonly data: Uint8Array;
  /** Whether the transport may have damaged the bytes: it shows bytes that are not UTF-8 as U+FFFD. */
  readonly damaged: boolean;
}

/** What a script printed. */
export interface ScriptAnswer {
  /** What came before the first tag: messages of a shell, as a rule nothing. */
  readonly preamble: string;
  readonly sections: readonly AnswerSection[];
}

/** A mark for one request. It is new in each, so that no output of a command can look like it. */
export function createTag(): string {
  return `@sandbox-backend-${randomBytes(12).toString("hex")}`;
}

/** What a record calls the start with a tag. Without the first character, since an answer is cut at its tag. */
export function starterName(tag: string): string {
  return tag.slice(1);
}

/** Undefined when the answer is not whole. */
export function parseAnswer(text: string, tag: string): ScriptAnswer | undefined {
  const [preamble = "", ...parts] = text.split(tag);
  const sections = parts.map(parseSection);
  if (sections.at(-1)?.words[0] !== "end") return undefined;
  return { preamble, sections };
}

function parseSection(part: string): AnswerSection {
  const lineEnd = part.indexOf("\n");
  const line = lineEnd < 0 ? part : part.slice(0, lineEnd);
  const data = lineEnd < 0 ? "" : part.slice(lineEnd + 1);
  return {
    words: line.trim().split(" "),
    data: Buffer.from(data, "utf8"),
    damaged: data.includes("\uFFFD"),
  };
}
