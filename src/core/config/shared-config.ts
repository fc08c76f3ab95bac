import * as z from "zod/mini";
import type { BackendConfig, IdleConfig } from "../../contract/config.ts";
import { agentSchema, checkAgentOptions } from "./agent-config.ts";
import { lazily } from "./lazily.ts";
import { checkSecretNames, secretsSchema } from "./secrets-config.ts";
import { environmentSchema, filledText, isPassableText, passableText, text } from "./texts.ts";
import { volumesSchema } from "./volumes-config.ts";

/** Labels of ours begin with this; a caller's must not. */
export const labelPrefix = "sandbox-backend.";

const timeoutMs = () => z.int().check(z.minimum(1), z.maximum(2_147_483_647));
const minutes = (minimum: number) => z.int().check(z.minimum(minimum), z.maximum(5_256_000));

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
  secrets: z.optional(secretsSchema()),
  dotfiles: z.optional(
    text("a URL of a git repository, without a password in it", isRepositoryUrl),
  ),
  agent: z.optional(agentSchema()),
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

const needRepository = ["branchName", "commit", "cloneDepth", "submodules"] as const;

/** What the schema of single options cannot say of options together. */
export function checkSharedOptions(
  config: BackendConfig,
): { readonly path: string; readonly expected: string } | undefined {
  return (
    checkRepositoryOptions(config) ?? checkSecretNames(config) ?? checkAgentOptions(config.agent)
  );
}

/** Options that say how to clone mean nothing without a repository; to ignore them would hide a mistake. */
function checkRepositoryOptions(
  config: BackendConfig,
): { readonly path: string; readonly expected: string } | undefined {
  if (config.repoUrl !== undefined) return undefined;
  const given = needRepository.find((key) => config[key] !== undefined);
  if (given !== undefined) return { path: given, expected: "`repoUrl` beside it" };
  return config.gitCredentials === undefined || config.dotfiles !== undefined
    ? undefined
    : { path: "gitCredentials", expected: "`repoUrl` or `dotfiles` beside it" };
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
