import { isAbsolute } from "node:path";
import * as z from "zod/mini";
import type { ImageData, SdkImage } from "../../../contract/image.ts";
import { lazily } from "../../../core/config/lazily.ts";
import { environmentSchema, isPassableText } from "../../../core/config/texts.ts";

export function isSdkImage(value: unknown): value is SdkImage {
  if (typeof value !== "object" || value === null) return false;
  const { dockerfile, contextList } = value as { dockerfile?: unknown; contextList?: unknown };
  return typeof dockerfile === "string" && Array.isArray(contextList);
}

/** A name with registry, tag or digest: one word that cannot become another line of a Dockerfile. */
function isImageReference(text: string): boolean {
  return /^[a-z0-9][\w.:/@-]*$/i.test(text);
}

function text(expected: string, isValid: (value: string) => boolean) {
  return z.string().check(z.refine(isValid, { error: expected }));
}

const isOneLine = (value: string): boolean => isPassableText(value) && !/[\r\n]/.test(value);
const line = (expected: string) =>
  text(expected, (value) => value.trim() !== "" && isOneLine(value));

export const imageReferenceSchema = lazily(() =>
  text("the name of an image, such as node:20-slim", isImageReference),
);

const imageDataSchema = lazily(() =>
  z.strictObject({
    base: imageReferenceSchema(),
    env: z.optional(
      environmentSchema().check(
        z.refine((env) => Object.values(env).every(isOneLine), {
          error: "values of one line, as a Dockerfile can hold no others",
        }),
      ),
    ),
    aptPackages: z.optional(
      z.array(
        text("the name of a Debian package", (name) =>
          /^[a-z0-9][a-z0-9+.-]*(:[a-z0-9]+)?(=[\w.:+~-]+)?$/.test(name),
        ),
      ),
    ),
    workDir: z.optional(
      text("an absolute path of one line", (path) => path.startsWith("/") && isOneLine(path)),
    ),
    contextDirectory: z.optional(
      text("an absolute path", (path) => isAbsolute(path) && isPassableText(path)),
    ),
    copy: z.optional(
      z.array(
        z.strictObject({
          from: line("a path of one line, which is not empty"),
          to: line("a path of one line, which is not empty"),
        }),
      ),
    ),
    run: z.optional(
      z.array(
        z.custom<string | readonly string[]>(
          (value) =>
            isCommandText(value) ||
            (Array.isArray(value) &&
              value.length > 0 &&
              value.every(isPassable) &&
              value[0] !== ""),
          { error: "a command that is not empty: text, or an array of its words" },
        ),
      ),
    ),
    user: z.optional(
      text("a user, such as node, 1000 or node:staff", (user) =>
        /^[a-z_0-9][\w-]*(:[a-z_0-9][\w-]*)?$/i.test(user),
      ),
    ),
    entrypoint: z.optional(
      z.array(text("text without NUL characters", isPassableText)).check(
        z.refine((words) => words[0] !== undefined && words[0].trim() !== "", {
          error: "a program and its arguments",
        }),
      ),
    ),
  }),
);

/** Data is checked field by field; an image of the SDK only for being one. */
export const imageBuilderSchema = lazily(() =>
  z.custom<ImageData | SdkImage>().check((context) => {
    const { value } = context;
    if (isSdkImage(value)) {
      if (/^\s*FROM\s+\S/im.test(value.dockerfile)) return;
      context.issues.push({ code: "custom", input: value, message: "an image with a FROM" });
      return;
    }
    const result = imageDataSchema().safeParse(value, { reportInput: true });
    if (!result.success) context.issues.push(...(result.error.issues as typeof context.issues));
  }),
);

function isPassable(value: unknown): boolean {
  return typeof value === "string" && isPassableText(value);
}

function isCommandText(value: unknown): boolean {
  return typeof value === "string" && value.trim() !== "" && isPassableText(value);
}

/** What an image is made from, as far as its config says. */
export function imageText(image: ImageData | SdkImage): string {
  if (!isSdkImage(image)) return JSON.stringify(image);
  return JSON.stringify([image.dockerfile, image.contextList]);
}
