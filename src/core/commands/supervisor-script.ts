import { shellQuote } from "../shell-quote.ts";
import { processFunctions } from "./process-fragment.ts";
import { shellText } from "./shell-text.ts";

/** The variable by which every process of a command can be found. Its value is the name of the record. */
export const processVariable = "SANDBOX_BACKEND_PROCESS";

export interface SupervisorInput {
  readonly tag: string;
  readonly record: string;
  readonly cwd: string;
  /** Seconds to wait for the end before the first answer. */
  readonly waitSeconds: number;
  /** Bytes of output that the first answer may carry. */
  readonly inlineBytes: number;
  /** Records whose files are no longer needed. */
  readonly acknowledged: readonly string[];
  /** Whether to remove the leftovers of hosts that never came back. */
  readonly sweep: boolean;
  readonly shellPath: string;
}

/**
 * The file that starts a command, waits a few seconds for its end and prints the first answer.
 * Arguments: path of the record without suffix, the original umask, path of the file with secrets or nothing.
 */
export function supervisorFile(input: SupervisorInput): string {
  return [
    `t=${input.tag} r=${input.record} wait=${input.waitSeconds} limit=${input.inlineBytes} shell=${shellQuote(input.shellPath)}`,
    `cwd=${shellQuote(input.cwd)}`,
    prepare,
    keeper,
    waitForEnd,
    answer,
    ...(input.sweep ? [sweep] : []),
    // `exec`, because that takes no fork.
    input.acknowledged.length > 0
      ? `exec rm -f ${input.acknowledged.map((record) => `"\${f%/*}/${record}".*`).join(" ")}`
      : "exit 0",
    "",
  ].join("\n");
}

const prepare = shellText(`
  f=$1 umask=$2 secrets=$3
  exec 2>/dev/null
  ${processFunctions}
  # The file for which everybody competes who may still decide whether the command runs at all.
  if ! cd -- "$cwd"; then
    set -C
    echo cancelled >"$f.pid"
    [ -z "$secrets" ] || rm -f "$secrets"
    printf '%s\\n' "$t nocwd" "$t end"
    exit
  fi
  unset OLDPWD
  # The command inherits these very descriptors, so that their position tells the size without a fork.
  exec 3>>"$f.out" 4>>"$f.err"
`);

const keeper = shellText(`
  trap 'kill "$timer"' USR1
  (
    # Caught, not ignored: a caught signal is back at its default in the command. Bash and zsh also give INT and QUIT
    # back, which "&" ignores; in dash and busybox only "env" can.
    trap : TERM HUP INT QUIT
    # Nobody who waits for the end of the answer may wait for the command.
    exec >/dev/null
    read -r keeper rest </proc/self/stat || keeper=-
    stat_of self || st_start=-
    keeper_start=$st_start
    export ${processVariable}="$r"
    input=/dev/null
    [ ! -e "$f.in" ] || input=$f.in
    session=
    # Without "set -m" no shell is a group leader here, so setsid need not fork.
    if command -v setsid; then session=setsid; fi
    run() {
      "$@" "$shell" "$f.run" "$f" "$umask" "$$" "$keeper" "$keeper_start" "$secrets" <"$input" >&3 3>&-
      code=$?
    }
    plain=\${f%/*}/plain-env
    [ -e "$plain" ] || run env --default-signal=INT,QUIT $session
    # The env of busybox knows no such option and ran nothing; the next command need not try.
    if [ ! -e "$f.pid" ]; then true >"$plain"; run $session; fi
    # The shell did not get as far as the gate, and now it never will.
    if [ ! -e "$f.pid" ]; then
      set -C
      echo cancelled refused >"$f.pid"
      set +C
    fi
    read -r kind rest <"$f.pid"
    # One short write, ended by the name: a reader sees all of it or knows that it is not whole.
    [ "$kind" != pid ] || printf '%s\\n' "exit $code $r" >"$f.exit"
    stat_of self
    # Only a parent that still lives can be the one that waits.
    [ "$st_parent" != "$$" ] || kill -USR1 "$$"
  ) &
  keeper=$!
`);

const waitForEnd = shellText(`
  timer=
  sleep "$wait" >/dev/null &
  timer=$!
  # The keeper may have signalled before the timer had a number.
  [ ! -s "$f.exit" ] || kill "$timer"
  wait "$timer"
  trap '' USR1
`);

const answer = shellText(`
  size_of() {
    size=
    while read -r key value; do
      if [ "$key" = pos: ]; then size=$value; break; fi
    done </proc/self/fdinfo/"$1"
    # Not every kernel has fdinfo.
    [ -n "$size" ] || size=$(($(wc -c <"$2")))
  }
  name=
  read -r word code name <"$f.exit"
  printf '%s\\n' "$t folder \${f%/*}"
  if [ "$name" = "$r" ]; then
    # It is about to end; waiting leaves no zombie to whoever is process 1.
    wait "$keeper"
    size_of 3 "$f.out"
    out=$size
    size_of 4 "$f.err"
    if [ $((out + size)) -le "$limit" ]; then
      printf '%s\\n' "$t ended $code $out $size"
      # The exit record between the streams shows where one ends; one cat is one fork.
      cat "$f.out" "$f.exit" "$f.err"
    else
      printf '%s\\n' "$t ended $code $out $size"
    fi
  else
    kind= why=
    read -r kind why rest <"$f.pid"
    if [ "$kind" != cancelled ]; then printf '%s\\n' "$t running"
    elif [ "$why" = refused ]; then printf '%s\\n' "$t refused"
    else printf '%s\\n' "$t burned"
    fi
  fi
  printf '%s\\n' "$t end"
`);

// Only what ended a day ago, or began a day ago and is no more, and is not to be kept. In the background, because find takes
// as long as the folder is large.
const sweep = shellText(`
  old() {
    cd "\${f%/*}" || return
    know_boot
    find . -name '*.poll' -mmin +1440 -exec rm -f {} +
    for claim in $(find . -name '*.claim' -mmin +1440); do
      old=\${claim#./}
      old=\${old%.claim}
      [ ! -e "$old.keep" ] || continue
      if [ -e "$old.exit" ]; then
        [ -n "$(find . -name "$old.exit" -mmin +1440)" ] || continue
      else
        kind=
        read -r kind pid start group waiter kept kept_start then rest <"$old.pid"
        if [ "$kind" = pid ] && [ "$then" = "$boot" ]; then
          if same "$pid" "$start" || same "$kept" "$kept_start"; then continue; fi
        fi
      fi
      rm -f "$old".*
    done
  }
  set -- "\${f%/*}"/*.claim
  # No fork when this record is the only one.
  if [ $# -gt 1 ]; then old </dev/null >/dev/null 3>&- 4>&- & fi
`);

/**
 * The file that becomes the command. Arguments: record, umask, process of the waiter, keeper and its start time, secrets or nothing.
 * What can fail comes before the gate; once `.pid` says `pid`, the command begins.
 */
export function runFile(
  shellPath: string,
  env: Readonly<Record<string, string>>,
  withSecrets: boolean,
): string {
  const shell = shellQuote(shellPath);
  const unassignable = Object.entries(env).filter(([name]) => shellOwnNames.has(name));
  const prefix = unassignable.map((entry) => shellQuote(entry.join("="))).join(" ");
  return [
    identify,
    ...(withSecrets ? [takeSecrets] : []),
    // A locale that the image does not have makes bash complain.
    `{\n:\n${exportLines(env)}} 2>/dev/null`,
    // From here on no variable is ours: the exports may have overwritten any.
    `set -C`,
    `{ printf '%s\\n' "$3" >"$1.pid"; } 2>/dev/null || exit 125`,
    `umask "$2"`,
    prefix === "" ? `exec ${shell} "$1.cmd"` : `exec env ${prefix} ${shell} "$1.cmd"`,
    "",
  ].join("\n");
}

const identify = shellText(`
  # Descriptor 4 is the command's standard error; what is said before comes from "env" or "setsid".
  exec 2>&4 4>&-
  ${processFunctions}
  know_boot
  stat_of self || st_start=- st_group=-
  set -- "$1" "$2" "pid $$ $st_start $st_group $3 $4 $5 $boot ." "$6"
`);

const takeSecrets = shellText(`
  . "$4"
  # Emptied as well, for the case that rm cannot be found.
  : >"$4"
  rm -f "$4"
`);

/** Names that bash (as sh) does not let a script assign, or gives a meaning of its own. */
const shellOwnNames: ReadonlySet<string> = new Set([
  "UID",
  "EUID",
  "PPID",
  "SHELLOPTS",
  "BASHOPTS",
  "BASH_VERSINFO",
  "FUNCNAME",
  "GROUPS",
  "DIRSTACK",
  "RANDOM",
  "SECONDS",
  "LINENO",
]);

/** Lines that export variables, for a file that a shell reads. */
export function exportLines(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .filter(([name]) => !shellOwnNames.has(name))
    .map(([name, value]) => `export ${name}=${shellQuote(value)}\n`)
    .join("");
}
