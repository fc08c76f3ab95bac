import { isAbsolute } from "node:path";
import * as z from "zod/mini";
import { lazily } from "../../../core/config/lazily.ts";
import { environmentSchema, isPassableText } from "../../../core/config/texts.ts";

/** A file or directory of this machine that goes into an image. */
export interface ImageCopy {
  /** Absolute, or relative to `contextDirectory`. Of a directory the content is copied. Links in it are refused. */
  readonly from: string;
  /** Absolute, or relative to `workDir`. With a slash at its end a file keeps its name. */
  readonly to: string;
}

/** An image as plain data. The fields take effect in the order in which they stand here. */
export interface ImageData {
  /** Image to build on, such as `node:20-slim`. */
  readonly base: string;
  /** Environment of the build's later steps, and of every process in a sandbox of the image. One line each; nothing secret. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Debian packages, such as `git` or `curl=7.88.1-10`. */
  readonly aptPackages?: readonly string[] | undefined;
  /** Working directory of what follows and of the sandbox's shells, made when it is missing. Absolute. */
  readonly workDir?: string | undefined;
  /** Where relative sources are looked for, and outside of which there must be none. Default: the current directory, without that bound. */
  readonly contextDirectory?: string | undefined;
  readonly copy?: readonly ImageCopy[] | undefined;
  /** Commands, each a step of its own: a string runs in `sh`, an array is an argv. Run by root. */
  readonly run?: readonly (string | readonly string[])[] | undefined;
  /** `name`, `uid`, `name:group` or `uid:gid`. Default: root, or what the base says. */
  readonly user?: string | undefined;
  /** A long-running command. Default: one that only keeps the sandbox alive. */
  readonly entrypoint?: readonly string[] | undefined;
}

/** What we use of the SDK's `Image`. */
export interface SdkImage {
  readonly dockerfile: string;
  readonly contextList: readonly { readonly sourcePath: string; readonly archivePath: string }[];
}

export function isSdkImage(value: unknown): value is SdkImage {
  if (typeof value !== "object" || value === null) return false;
  const { dockerfile, contextList } = value as { dockerfile?: unknown; contextList?: unknown };
  return typeof dockerfile === "string" && Array.isArray(contextList);
}

/** A name with registry, tag or digest: one word that cannot become another line of a Dockerfile. */
export function isImageReference(text: string): boolean {
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

export const imageDataSchema = lazily(() =>
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
