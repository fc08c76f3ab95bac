import * as z from "zod/mini";
import type { IdleConfig } from "../../contract/config.ts";
import { lazily } from "./lazily.ts";
import { volumesSchema } from "./volumes-config.ts";

/** Labels of ours begin with this; a caller's must not. */
export const labelPrefix = "sandbox-backend.";

const environmentName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Text that a POSIX process can be given: no NUL, and encodable as UTF-8. */
export function isPassableText(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

function isEnvironmentName(name: string): boolean {
  return environmentName.test(name);
}

function text(expected: string, isValid: (value: string) => boolean) {
  return z.string().check(z.refine(isValid, { error: expected }));
}

const passableText = lazily(() =>
  text("text without NUL characters and lone surrogates", isPassableText),
);
const filledText = lazily(() =>
  text("text that is not empty", (value) => value !== "" && isPassableText(value)),
);
const timeoutMs = () => z.int().check(z.minimum(1), z.maximum(2_147_483_647));
const minutes = (minimum: number) => z.int().check(z.minimum(minimum), z.maximum(5_256_000));

export const environmentSchema = lazily(() =>
  z.record(
    text("a name of letters, digits and _ that does not begin with a digit", isEnvironmentName),
    passableText(),
  ),
);

export const gitCredentialsSchema = lazily(() =>
  z.strictObject({
    username: z.optional(filledText()),
    password: filledText(),
    host: z.optional(filledText()),
  }),
);

function isRepositoryUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  const isRemote =
    ["http:", "https:", "ssh:", "git:"].includes(url.protocol) && url.hostname !== "";
  return (isRemote || url.protocol === "file:") && url.password === "";
}

/** The rules of `git check-ref-format --branch`, as far as a wrong name could mean something else to git. */
function isBranchName(value: string): boolean {
  return (
    value !== "" &&
    value !== "@" &&
    isPassableText(value) &&
    !/^[-/.]|[/.]$|\.lock($|\/)|\.\.|\/\/|\/\.|@\{/.test(value) &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: git refuses them in a branch name.
    !/[\u0000-\u0020\u007f~^:?*[\\]/.test(value)
  );
}

/** Absolute or below the home directory, normal, and not the root: `rm -rf` and `mv` of ours must never meet anything else. */
function isWorkDir(value: string): boolean {
  return (
    /^~?\/[^/]/.test(value) &&
    isPassableText(value) &&
    !value.endsWith("/") &&
    !value
      .split("/")
      .slice(1)
      .some((part) => part === "" || part === "." || part === "..")
  );
}

export const labelsSchema = lazily(() =>
  z.record(
    text(
      `a label that does not begin with ${labelPrefix}`,
      (key) => key !== "" && !key.startsWith(labelPrefix),
    ),
    passableText(),
  ),
);

/** The options that every backend has; a backend spreads them into its own strict object. */
export const sharedConfigShape = lazily(() => ({
  name: z.optional(filledText()),
  owner: z.optional(filledText()),
  repoUrl: z.optional(text("a URL of a repository, without a password in it", isRepositoryUrl)),
  branchName: z.optional(text("a valid branch name", isBranchName)),
  commit: z.optional(
    text("a full commit hash of 40 hexadecimal digits", (value) => /^[0-9a-f]{40}$/.test(value)),
  ),
  cloneDepth: z.optional(z.int().check(z.minimum(1))),
  submodules: z.optional(z.boolean()),
  gitCredentials: z.optional(gitCredentialsSchema()),
  workDir: z.optional(
    text(
      "an absolute, normal path other than /, such as /workspace, or one below the home directory, such as ~/workspace",
      isWorkDir,
    ),
  ),
  env: z.optional(environmentSchema()),
  labels: z.optional(labelsSchema()),
  setupTimeoutMs: z.optional(timeoutMs()),
  cleanupTimeoutMs: z.optional(timeoutMs()),
  idle: z.optional(
    z.strictObject({
      autoStopMinutes: z.optional(minutes(0)),
      autoArchiveMinutes: z.optional(minutes(0)),
      autoDeleteMinutes: z.optional(minutes(-1)),
    }),
  ),
  volumes: z.optional(volumesSchema()),
  keepOnFailure: z.optional(z.boolean()),
}));

const needRepository = [
  "branchName",
  "commit",
  "cloneDepth",
  "submodules",
  "gitCredentials",
] as const;

/** Options that say how to clone mean nothing without a repository; to ignore them would hide a mistake. */
export function checkRepositoryOptions(config: {
  readonly repoUrl?: string | undefined;
}): { readonly path: string; readonly expected: string } | undefined {
  if (config.repoUrl !== undefined) return undefined;
  const given = needRepository.find(
    (key) => key in config && (config as Record<string, unknown>)[key] !== undefined,
  );
  return given === undefined ? undefined : { path: given, expected: "`repoUrl` beside it" };
}

/** The idle times with the defaults filled in. */
export function completeIdle(idle: IdleConfig | undefined): Required<IdleConfig> & {
  readonly autoStopMinutes: number;
  readonly autoArchiveMinutes: number;
  readonly autoDeleteMinutes: number;
} {
  return {
    autoStopMinutes: idle?.autoStopMinutes ?? 15,
    autoArchiveMinutes: idle?.autoArchiveMinutes ?? 1_440,
    autoDeleteMinutes: idle?.autoDeleteMinutes ?? 43_200,
  };
}
