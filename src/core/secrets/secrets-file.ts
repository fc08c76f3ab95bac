import { exportLines } from "../commands/environment-lines.ts";
import { shellText } from "../commands/shell-text.ts";
import { hashTexts } from "../sandbox-identity.ts";
import { shellQuote } from "../shell-quote.ts";

// The secrets of a sandbox are one file of `export` lines, which every command's shell reads: in memory, so that no disk and no
// snapshot has them; where there is no tmpfs, in the private folder. Its first line has the names.

export type Secrets = Readonly<Record<string, string>>;

/** Where the file with the secrets is. `none`: there is none. */
type SecretsPlace = "memory" | "disk" | "none";

/** Name of the file in the private folder, where there is no tmpfs. */
export const diskName = "secrets";
/** A command that does nothing, so that the line may be read as one. */
const namesMark = ": sandbox-backend-names";

/** Path of the file in memory, of which machines without isolation have one for each sandbox. */
export function secretsMemoryPath(sandboxId: string): string {
  return `/dev/shm/sandbox-backend-secrets-${hashTexts([sandboxId])}`;
}

/**
 * Shell, before a command: reads the secrets, if there are any of ours. No fork, and no variable, which could be one of the
 * command's environment.
 *
 * @param record - Shell word for the path of the command's record.
 */
export function readSecrets(memoryPath: string, record: string): string {
  return withSecretsFile(memoryPath, record, (path) => `. ${path}`);
}

/** Shell: prints the secrets as lines for a shell, if there are any. */
export function printSecrets(memoryPath: string, record: string): string {
  return withSecretsFile(memoryPath, record, (path) => `cat ${path}`);
}

function withSecretsFile(
  memoryPath: string,
  record: string,
  use: (path: string) => string,
): string {
  const memory = shellQuote(memoryPath);
  const disk = `"\${${record}%/*}/${diskName}"`;
  return `if [ -O ${memory} ]; then ${use(memory)}; elif [ -O ${disk} ]; then ${use(disk)}; fi`;
}

/**
 * Shell for the private folder `$d`, whatever shell reads it: puts the secrets in place of those that there are, or leaves those
 * when none are given, and prints `TAG secrets PLACE NAME…`. A write that fails leaves the place `none`.
 */
export function placeSecrets(
  options: { readonly memoryPath: string | undefined; readonly secrets: Secrets | undefined },
  tag: string,
  nonce: string,
): string {
  const { secrets, memoryPath } = options;
  return [
    `secrets_memory=${shellQuote(memoryPath ?? "")} secrets_disk="$d/${diskName}" secrets_new=new-${nonce}`,
    ...(secrets === undefined ? [] : [writer(secrets), replaceSecrets]),
    tellSecrets(tag),
  ].join("\n");
}

function writer(secrets: Secrets): string {
  const text = `${namesMark} ${Object.keys(secrets).join(" ")}\n${exportLines(secrets)}`;
  return `sandbox_backend_secrets() { printf '%s' ${shellQuote(text)} >"$1"; }`;
}

const replaceSecrets = shellText(`
  rm -f "$secrets_disk"
  if [ -n "$secrets_memory" ] && [ -d /dev/shm ] && [ -w /dev/shm ] &&
    (set -C; umask 077; sandbox_backend_secrets "$secrets_memory.$secrets_new") 2>/dev/null &&
    mv -f "$secrets_memory.$secrets_new" "$secrets_memory" 2>/dev/null
  then :
  else
    [ -z "$secrets_memory" ] || rm -f "$secrets_memory.$secrets_new" "$secrets_memory" 2>/dev/null
    if (set -C; umask 077; sandbox_backend_secrets "$secrets_disk.$secrets_new") 2>/dev/null; then
      mv -f "$secrets_disk.$secrets_new" "$secrets_disk"
    else
      rm -f "$secrets_disk.$secrets_new"
    fi
  fi
`);

function tellSecrets(tag: string): string {
  return shellText(`
    secrets_place=none secrets_names=
    if [ -n "$secrets_memory" ] && [ -O "$secrets_memory" ]; then
      secrets_place=memory
      read -r secrets_names <"$secrets_memory"
    elif [ -O "$secrets_disk" ]; then
      secrets_place=disk
      read -r secrets_names <"$secrets_disk"
    fi
    printf '%s\\n' "${tag} secrets $secrets_place \${secrets_names#${namesMark} }"
  `);
}

/** What {@link placeSecrets} said. */
export interface PlacedSecrets {
  readonly place: SecretsPlace;
  readonly names: readonly string[];
}

export function readPlacedSecrets(words: readonly string[]): PlacedSecrets | undefined {
  const [, place, ...names] = words;
  if (place !== "memory" && place !== "disk" && place !== "none") return undefined;
  return { place, names: names.filter((name) => name !== "") };
}
