import { shellQuote } from "../shell-quote.ts";
import { feeder, prepareFeeder } from "./feeder-fragment.ts";
import { processFunctions } from "./process-fragment.ts";
import { processName, processVariable } from "./run-file.ts";
import { shellText } from "./shell-text.ts";
import { chooseSwitch } from "./user-fragment.ts";

export interface SupervisorInput {
  readonly tag: string;
  readonly record: string;
  /** What tells this sandbox's commands from those of others on one machine. No shell needs quotes for it. */
  readonly sandboxMark: string;
  readonly cwd: string;
  /** Seconds to wait for the end before the first answer. */
  readonly waitSeconds: number;
  /** Bytes of output above which the first answer comes at once. */
  readonly maxLogBytes: number;
  /** Bytes of output that the first answer may carry. */
  readonly inlineBytes: number;
  /** Files that are no longer needed, as patterns in the private folder. */
  readonly unneeded: readonly string[];
  /** Whether to remove the leftovers of hosts that never came back. */
  readonly sweep: boolean;
  /** Whether standard input comes in pieces, written while the command runs. */
  readonly feeds: boolean;
  /** Name or number of the user to run as; undefined: the one that the provider runs scripts as. */
  readonly user: string | undefined;
  readonly shellPath: string;
}

/**
 * The file that starts a command, waits a few seconds for its end and prints the first answer.
 * Arguments: path of the record without suffix, the original umask, path of the file with secrets or nothing.
 */
export function supervisorFile(input: SupervisorInput): string {
  // Turns of about a second; a command that ends before the first is over costs one timer.
  const turns = Math.max(1, Math.floor(input.waitSeconds));
  return [
    `t=${input.tag} r=${input.record} turns=${turns} nap=${input.waitSeconds / turns} limit=${input.inlineBytes} flood=${input.maxLogBytes} shell=${shellQuote(input.shellPath)}`,
    `cwd=${shellQuote(input.cwd)}`,
    prepare,
    ...(input.user === undefined ? ["how="] : [chooseSwitch(input.user)]),
    ...(input.feeds ? [prepareFeeder] : []),
    openOutputs,
    keeper(processName(input.sandboxMark, input.record), input.feeds),
    waitForEnd,
    answer,
    ...(input.sweep ? [sweep] : []),
    // `exec`, because that takes no fork.
    input.unneeded.length > 0
      ? `exec rm -f ${input.unneeded.map((pattern) => `"\${f%/*}"/${pattern}`).join(" ")}`
      : "exit 0",
    "",
  ].join("\n");
}

const prepare = shellText(`
  f=$1 umask=$2 secrets=$3
  exec 2>/dev/null
  ${processFunctions}
  refuse() {
    # Everybody who wants to decide whether the command runs at all makes this file; the first one has decided.
    set -C
    echo cancelled >"$f.pid"
    [ -z "$secrets" ] || rm -f "$secrets"
    printf '%s\\n' "$t $1" "$t end"
    exit
  }
  cd -- "$cwd" || refuse nocwd
  unset OLDPWD
`);

const openOutputs = shellText(`
  # The command inherits these very descriptors, so that their position tells the size without a fork.
  exec 3>>"$f.out" 4>>"$f.err"
`);

function keeper(name: string, feeds: boolean): string {
  // Standard input for both attempts to run: what a feeder writes, or a file.
  const input = feeds ? "<&5 5<&-" : '<"$input"';
  return [keeperOpening, ...(feeds ? [feeder] : []), runner(name, input), keeperClosing].join("\n");
}

const keeperOpening = shellText(`
  ended=
  trap 'ended=1; kill "$timer"' USR1
  (
    # Caught, not ignored: a caught signal is back at its default in the command. Bash and zsh also give INT and QUIT
    # back, which "&" ignores; in dash and busybox only "env" can.
    trap : TERM HUP INT QUIT
    # Nobody who waits for the end of the answer may wait for the command.
    exec >/dev/null
    read -r keeper rest </proc/self/stat || keeper=-
    stat_of self || st_start=-
    keeper_start=$st_start
    feeder=
    # What the command left running in the background may be about to end. What it writes until then is output of the command.
    await_background() {
      turn=0
      while kill -0 "-$pid"; do
        if [ $turn -ge 5 ]; then
          for entry in /proc/[0-9]*; do
            # A zombie that nobody collects does not run.
            if stat_of "\${entry#/proc/}" && [ "$st_group" = "$pid" ] && [ "$st_state" != Z ]; then
              true >"$f.background"
              return
            fi
          done
          return
        fi
        turn=$((turn + 1))
        sleep 0.05 || { sleep 1; turn=5; }
      done
    }
    input=/dev/null
    [ ! -e "$f.in" ] || input=$f.in
`);

function runner(name: string, input: string): string {
  return shellText(`
    session=
    # Without "set -m" no shell is a group leader here, so setsid need not fork.
    if command -v setsid; then session=setsid; fi
    run() {
      # Nothing but the command carries its name: a kill would find our own helpers.
      ${processVariable}=${name} "$@" "$shell" "$f.run" "$f" "$umask" "$$" "$keeper" "$keeper_start" "$secrets" "$how" ${input} >&3 3>&-
      code=$?
    }
  `);
}

const keeperClosing = shellText(`
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
    kind=
    read -r kind pid start group rest <"$f.pid"
    if [ "$kind" = pid ] && [ "$group" = "$pid" ] && [ ! -e "$f.killed" ]; then await_background; fi
    # It ends by itself with its input, and its number may be another's by now.
    [ -z "$feeder" ] || ! same "$feeder" "$feeder_start" || kill "$feeder"
    # One short write, ended by the name: a reader sees all of it or knows that it is not whole.
    [ "$kind" != pid ] || printf '%s\\n' "exit $code $r" >"$f.exit"
    stat_of self
    # Only a parent that still lives can be the one that waits.
    [ "$st_parent" != "$$" ] || kill -USR1 "$$"
  ) &
  keeper=$!
`);

const waitForEnd = shellText(`
  # Sets size to that of an output.
  size_of() {
    size=
    while read -r key value; do
      if [ "$key" = pos: ]; then size=$value; break; fi
    done </proc/self/fdinfo/"$1"
    # Not every kernel has fdinfo.
    [ -n "$size" ] || size=$(($(wc -c <"$2")))
  }
  turn=0
  while [ $turn -lt $turns ] && [ -z "$ended" ]; do
    turn=$((turn + 1))
    timer=
    sleep "$nap" >/dev/null &
    timer=$!
    # The keeper may have signalled before the timer had a number.
    [ -z "$ended" ] || kill "$timer"
    wait "$timer"
    # Its number may soon be that of another process.
    timer=
    size_of 3 "$f.out"
    out=$size
    size_of 4 "$f.err"
    # A command that floods the disk is not waited for.
    [ $((out + size)) -le "$flood" ] || break
  done
  trap '' USR1
`);

const answer = shellText(`
  name=
  read -r word code name <"$f.exit"
  printf '%s\\n' "$t folder \${f%/*}"
  if [ "$name" = "$r" ]; then
    # It is about to end; waiting leaves no zombie to whoever is process 1.
    wait "$keeper"
    size_of 3 "$f.out"
    out=$size
    size_of 4 "$f.err"
    background=0
    [ ! -e "$f.background" ] || background=1
    if [ $((out + size)) -le "$limit" ]; then
      printf '%s\\n' "$t ended $code $out $size $background"
      # The exit record between the streams shows where one ends; one cat is one fork.
      cat "$f.out" "$f.exit" "$f.err"
    else
      printf '%s\\n' "$t ended $code $out $size $background"
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
      rm -f "$old".* "/dev/shm/sandbox-backend-$old"
    done
  }
  set -- "\${f%/*}"/*.claim
  # No fork when this record is the only one.
  if [ $# -gt 1 ]; then old </dev/null >/dev/null 3>&- 4>&- & fi
`);
