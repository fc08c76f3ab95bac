import { printSecrets } from "../secrets/secrets-file.ts";
import { shellQuote } from "../shell-quote.ts";
import { shellText } from "./shell-text.ts";

// Another user can neither enter the private folder nor read its files, so that user's shell gets a file of its own, which it
// removes before it does anything else.

/**
 * Shell, before the command starts: sets `how` to the way of becoming the user (empty when it is the one already), writes the
 * facts about the user to the record's `.user`, or refuses.
 */
export function chooseSwitch(user: string): string {
  return [`wanted=${shellQuote(user)}`, choose].join("\n");
}

const choose = shellText(`
  how= who=
  look_up() {
    while IFS=: read -r name x uid gid x home x; do
      if [ "$name" = "$wanted" ] || [ "$uid" = "$wanted" ]; then who=$name; return 0; fi
    done
    return 1
  }
  look_up </etc/passwd || {
    # Users may come from elsewhere.
    getent passwd "$wanted" >"$f.user"
    look_up <"$f.user"
  } || refuse nouser
  me=
  while read -r key x effective x; do [ "$key" != Uid: ] || me=$effective; done </proc/self/status
  if [ "$me" != "$uid" ]; then
    if [ "$me" = 0 ]; then
      if setpriv --reuid="$uid" --regid="$gid" --init-groups "$shell" -c :; then how=setpriv
      elif runuser -u "$who" -- "$shell" -c :; then how=runuser
      elif su -s "$shell" "$who" -c : </dev/null >/dev/null; then how=su
      fi
    elif sudo -n -u "$who" -- "$shell" -c :; then how=sudo
    fi
    [ -n "$how" ] || refuse noswitch
  fi
  printf '%s\\n' "$who" "$uid" "$gid" "$home" >"$f.user"
`);

/**
 * Shell, in the file that becomes the command, after it knows itself and before the gate: when there is a way to become another
 * user, writes that user's file and changes the arguments to record, umask, line of the gate, file, way, name, number and group.
 */
export function prepareUserFile(secretsPath: string): string {
  return prepare.replace("print_secrets", () => printSecrets(secretsPath, "1"));
}

const prepare = shellText(`
  if [ -n "$5" ]; then
    { read -r who; read -r uid; read -r gid; read -r home; } <"$1.user"
    file=/dev/shm/sandbox-backend-user-\${1##*/}
    [ -d /dev/shm ] && [ -w /dev/shm ] || file=/tmp/.sandbox-backend-user-\${1##*/}
    prelude() {
      printf '%s\\n' 'rm -f "$0"' 'read -r HOME <<"sandbox-backend"' "$home" sandbox-backend "export HOME USER=$who LOGNAME=$who"
      print_secrets
      [ -z "$4" ] || cat "$4"
      cat "$1.env" "$1.cmd"
    }
    set -C
    umask 077
    # The file must not be there yet, and belong to the one who runs it.
    if [ "$5" = sudo ]; then
      prelude "$@" | sudo -n -u "$who" -- "$0" -c 'set -C; umask 077; cat >"$0"' "$file"
    else
      prelude "$@" >"$file" && chown "$uid:$gid" "$file"
    fi || exit 125
    [ -z "$4" ] || { true >|"$4"; rm -f "$4"; }
    set -- "$1" "$2" "$3" "$file" "$5" "$who" "$uid" "$gid"
  fi
`);

/** Shell, after the gate: becomes the command, as the user of {@link prepareUserFile}. */
export function becomeUser(shell: string, prefix: string): string {
  const env = prefix === "" ? "" : `env ${prefix} `;
  return shellText(`
    case $5 in
      setpriv) exec ${env}setpriv --reuid="$7" --regid="$8" --init-groups ${shell} "$4" ;;
      runuser) exec ${env}runuser -u "$6" -- ${shell} "$4" ;;
      su) exec ${env}su -s ${shell} "$6" "$4" ;;
      sudo) exec sudo -n -u "$6" -- ${env}${shell} "$4" ;;
    esac
  `);
}
