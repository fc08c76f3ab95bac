import * as z from "zod/mini";
import { shellOwnNames } from "../commands/environment-lines.ts";
import { lazily } from "./lazily.ts";
import { environmentSchema } from "./texts.ts";

/** The kernel takes no longer text as one variable of an environment (MAX_ARG_STRLEN); every command would fail. */
const longestVariableBytes = 131_071;

export const secretsSchema = lazily(() =>
  environmentSchema().check(
    z.refine((secrets) => Object.keys(secrets).every(isUsableName), {
      error:
        "other names: those of shells' own variables and names that begin with SANDBOX_BACKEND_ cannot be set",
    }),
    z.refine((secrets) => Object.entries(secrets).every(fitsIntoEnvironment), {
      error: "values that fit into an environment: with its name at most 131 070 bytes each",
    }),
  ),
);

function isUsableName(name: string): boolean {
  return !shellOwnNames.has(name) && name !== "IFS" && !name.startsWith("SANDBOX_BACKEND_");
}

function fitsIntoEnvironment([name, value]: [string, string]): boolean {
  return Buffer.byteLength(`${name}=${value}`) < longestVariableBytes;
}

/** A name in both would leave it to chance which value a reader expects. */
export function checkSecretNames(config: {
  readonly secrets?: Readonly<Record<string, string>> | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}): { readonly path: string; readonly expected: string } | undefined {
  const twice = Object.keys(config.secrets ?? {}).find(
    (name) => config.env !== undefined && Object.hasOwn(config.env, name),
  );
  return twice === undefined
    ? undefined
    : { path: `secrets.${twice}`, expected: "a name that `env` does not have" };
}
