import * as z from "zod/mini";
import { lazily } from "./lazily.ts";

const environmentName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Text that a POSIX process can be given: no NUL, and encodable as UTF-8. */
export function isPassableText(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

function isEnvironmentName(name: string): boolean {
  return environmentName.test(name);
}

export function text(expected: string, isValid: (value: string) => boolean) {
  return z.string().check(z.refine(isValid, { error: expected }));
}

export const passableText = lazily(() =>
  text("text without NUL characters and lone surrogates", isPassableText),
);
export const filledText = lazily(() =>
  text("text that is not empty", (value) => value !== "" && isPassableText(value)),
);

export const environmentSchema = lazily(() =>
  z.record(
    text("a name of letters, digits and _ that does not begin with a digit", isEnvironmentName),
    passableText(),
  ),
);
