import { findFolder, findOrMakeFolder } from "./folder-fragment.ts";
import { memberFunctions } from "./members-fragment.ts";
import { inKnownShell, shellText } from "./shell-text.ts";
import { stateFunctions } from "./state-fragment.ts";

export interface SettleInput {
  readonly tag: string;
  readonly record: string;
  readonly shellPath: string;
}

/** Finds or makes the private folder and names it. */
export function prepareScript(tag: string, shellPath: string): string {
  const script = [
    `t=${tag} r=`,
    opening(findOrMakeFolder),
    `printf '%s\\n' "$t folder $d" "$t end"`,
  ].join("\n");
  return inKnownShell(shellPath, script);
}

/** What to do about a start whose answer was lost. */
export interface ResolveInput extends SettleInput {
  /** Whether a command that took its claim and did not begin is to be kept from it. */
  readonly cancel: boolean;
}

/** Takes the claim of a record, so that a late start of it runs nothing, or else reports what became of the start. */
export function resolveScript(input: ResolveInput): string {
  const script = [
    `t=${input.tag} r=${input.record} cancel=${input.cancel ? 1 : 0}`,
    opening(findOrMakeFolder),
    takeClaim,
    shellText(`
      [ $cancel = 0 ] || { set -C; echo cancelled >"$r.pid"; set +C; }
    `),
    closing,
  ].join("\n");
  return inKnownShell(input.shellPath, script);
}

/** Reports on the last generation of a record that was not burned, and changes nothing. */
export function lookUpScript(input: SettleInput & { readonly generations: number }): string {
  const script = [
    `t=${input.tag} p=${input.record} generations=${input.generations}`,
    opening(findFolder),
    shellText(`
      generation=0
      while :; do
        r=\${p}_$generation
        state_of "$r"
        generation=$((generation + 1))
        [ "$state" = burned ] && [ $generation -lt $generations ] || break
      done
    `),
    closing,
  ].join("\n");
  return inKnownShell(input.shellPath, script);
}

export interface KillInput extends SettleInput {
  /** Environment entry that all its processes have, and no others. */
  readonly processEntry: string;
  /** Starts whose command may be ended; undefined means any. */
  readonly starters: readonly string[] | undefined;
  /** Seconds between SIGTERM and SIGKILL. */
  readonly graceSeconds: number;
  /** Names the call, the same when its script is sent again, so that it recognises what it did when the answer was lost. */
  readonly caller: string;
  /** File through which running polls of the client are ended, so that none of them is left alone in the sandbox. */
  readonly pollFile: string;
}

/** Keeps a command from beginning, or ends all its processes, and reports how many are left. May be repeated. */
export function killScript(input: KillInput): string {
  const script = [
    `t=${input.tag} r=${input.record} poll=${input.pollFile} grace=${input.graceSeconds} caller=${input.caller} needle=${input.processEntry}`,
    `anyone=${input.starters === undefined ? 1 : 0} starters=" ${input.starters?.join(" ") ?? ""} "`,
    opening(findOrMakeFolder),
    takeClaim,
    killBody,
    closing,
  ].join("\n");
  return inKnownShell(input.shellPath, script);
}

/** Shell: goes to the private folder, with the functions about records at hand, or says that there is none. */
function opening(folder: string): string {
  return shellText(`
    exec 2>/dev/null
    ${folder}
    if [ -z "$d" ] || ! cd "$d"; then
      printf '%s\\n' "$t nofolder" "$t end"
      exit
    fi
    umask 077
    ${stateFunctions}
    know_boot
    left=0 acted=0
  `);
}

/** {@link opening} for scripts that make nothing. */
export const recordOpening = opening(findFolder);

const takeClaim = shellText(`
  set -C
  # Whoever makes the file decides; a reader that finds it empty for a moment takes it for a start.
  if { true >"$r.claim"; }; then set +C; echo burned >"$r.claim"; fi
  set +C
`);

const closing = shellText(`
  state_of "$r"
  measure "$r"
  data=0
  [ "$state" = none ] || [ "$state" = burned ] || data=1
  report 0 "$r" "$state" "$code" 0 0 $data
  starter= kind= limit=
  read -r word starter kind limit <"$r.claim"
  printf '%s\\n' "$t left $left" "$t acted $acted" "$t starter $starter" "$t limit $limit" "$t generation \${r##*_}" "$t folder $d" "$t end"
`);

const killBody = shellText(`
  printf '%s\\n' "$t" >"$poll"
  ${memberFunctions}
  # The line may be half written.
  turn=0
  while word= starter=; read -r word starter rest <"$r.claim"; [ "$word" != burned ] && [ -z "$starter" ] && [ $turn -lt 40 ]; do
    turn=$((turn + 1))
    pause
  done
  ours=$anyone
  case $starters in *" $starter "*) ours=1 ;; esac
  if [ $ours = 1 ]; then
    set -C
    echo "cancelled $caller" >"$r.pid"
    set +C
    rm -f "/dev/shm/sandbox-backend-$r" "$r.secret"
  fi
  turn=0
  while state_of "$r"; [ $state = starting ] && [ $turn -lt 20 ]; do turn=$((turn + 1)); pause; done
  case $ours$state in
    1running|1gone)
      echo "$caller" >>"$r.killed"
      turn=0
      if members; then
        signal_all TERM
        while [ $turn -lt $((grace * 20)) ] && members; do turn=$((turn + 1)); pause; done
        turn=0
        while members && [ $turn -lt 40 ]; do
          turn=$((turn + 1))
          signal_all KILL
          pause
        done
        members
        set -- $alive
        left=$#
      fi
      turn=0
      # The keeper writes the exit code once it has been scheduled.
      while state_of "$r"; [ $state = running ] && [ $left = 0 ] && [ $turn -lt 40 ]; do turn=$((turn + 1)); pause; done
      ;;
  esac
  # An earlier script of this call may have done it.
  kind= by=
  read -r kind by rest <"$r.pid"
  [ "$kind $by" != "cancelled $caller" ] || acted=1
  while read -r by; do [ "$by" != "$caller" ] || acted=1; done <"$r.killed"
`);
