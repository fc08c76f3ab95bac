import * as z from "zod/mini";

const remoteFailures = [
  "authentication-required",
  "authorization-failed",
  "remote-repository-not-found",
  "remote-branch-not-found",
  "remote-rejected",
  "transport-failed",
] as const;

/** What the remote of a repository does to the daemon's git. */
export type GitEffect = {
  /** Struck by `clone`, `push`, `pull`, and `remotes` with `fetch`. The sandbox's files do not change. */
  readonly type: "git-failure";
  readonly kind: (typeof remoteFailures)[number];
  /** The message of the error. Default: what the daemon's git library says. */
  readonly message?: string;
};

export const gitEffectSchemas = [
  z.strictObject({
    type: z.literal("git-failure"),
    kind: z.enum(remoteFailures),
    message: z.optional(z.string()),
  }),
] as const;
