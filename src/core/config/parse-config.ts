import type * as z from "zod/mini";
import { ConfigError } from "../../contract/provider-errors.ts";

type Issue = z.core.$ZodIssue;

/**
 * Checks a config against its schema.
 *
 * The message names each wrong path and what was expected, and never the value that was given: it may be a secret.
 *
 * @throws {@link ConfigError}
 */
export function parseConfig<Output>(
  schema: z.ZodMiniType<Output>,
  value: unknown,
  subject: string,
  operation?: string,
): Output {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const lines = result.error.issues.flatMap(describeIssue);
  throw new ConfigError(`${subject} is wrong. ${lines.map(({ text }) => text).join(" ")}`, {
    path: lines[0]?.path ?? "",
    operation,
  });
}

function describeIssue(issue: Issue): { path: string; text: string }[] {
  const path = issue.path.map(String).join(".");
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => {
        const full = path === "" ? key : `${path}.${key}`;
        return { path: full, text: `\`${full}\`: there is no such option.` };
      });
    case "invalid_key":
      return issue.issues.map((inner) => at(path, `expected ${inner.message}`));
    case "invalid_type":
      return [at(path, `expected ${article(issue.expected)}${received(issue.input)}`)];
    case "invalid_value":
      return [
        at(path, `expected one of ${issue.values.map((one) => JSON.stringify(one)).join(", ")}`),
      ];
    case "too_small":
      return [at(path, `expected at least ${issue.minimum}`)];
    case "too_big":
      return [at(path, `expected at most ${issue.maximum}`)];
    case "custom":
    case "invalid_element":
    case "invalid_format":
    case "invalid_union":
    case "not_multiple_of":
      return [at(path, `expected ${issue.message === "" ? "another value" : issue.message}`)];
  }
}

function at(path: string, text: string): { path: string; text: string } {
  return { path, text: path === "" ? `${text}.` : `\`${path}\`: ${text}.` };
}

function article(expected: string): string {
  const word = expected === "int" ? "whole number" : expected === "record" ? "object" : expected;
  return `${/^[aeiou]/.test(word) ? "an" : "a"} ${word}`;
}

function received(input: unknown): string {
  if (input === undefined) return ", got nothing";
  if (input === null) return ", got null";
  return `, got ${article(Array.isArray(input) ? "array" : typeof input)}`;
}
