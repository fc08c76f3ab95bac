import { shellQuote } from "../shell-quote.ts";
import { findFolder } from "./folder-fragment.ts";
import { inKnownShell, shellText } from "./shell-text.ts";
import { stateFunctions } from "./state-fragment.ts";

/** A command that a poll looks at. */
export interface PolledRecord {
  readonly record: string;
  readonly stdoutOffset: number;
  readonly stderrOffset: number;
  /** Whether new output is news. */
  readonly streams: boolean;
  /** Bytes of output that are news in any case. */
  readonly maxLogBytes: number;
}

export interface PollInput {
  readonly tag: string;
  /** Name of the file through which a newer poll of the same client ends this one. */
  readonly pollFile: string;
  readonly seconds: number;
  /** Whether output that is there already is to be reported at once, rather than gathered for a moment. */
  readonly eager: boolean;
  readonly records: readonly PolledRecord[];
  readonly shellPath: string;
}

/** The script that waits in the sandbox until one of the commands has news, and reports on all. It changes no record. */
export function pollScript(input: PollInput): string {
  const records = input.records.map(
    (record) =>
      `${record.record}:${record.stdoutOffset}:${record.stderrOffset}:${record.streams ? 1 : 0}:${record.maxLogBytes}`,
  );
  const script = [
    `t=${input.tag} poll=${input.pollFile} seconds=${input.seconds} turn=${input.eager ? 1 : 0}`,
    `records=${shellQuote(records.join(" "))}`,
    `names=${shellQuote(input.records.map(({ record }) => record).join(" "))}`,
    pollBody,
  ].join("\n");
  return inKnownShell(input.shellPath, script);
}

const pollBody = shellText(`
  exec 2>/dev/null
  ${findFolder}
  if [ -z "$d" ] || ! cd "$d"; then
    printf '%s\\n' "$t nofolder" "$t end"
    exit
  fi
  umask 077
  ${stateFunctions}
  know_boot
  fields() { IFS=:; set -- $1; unset IFS; rec=$1 out_seen=$2 err_seen=$3 streams=$4 limit=$5; }
  printf '%s\\n' "$t" >"$poll"
  read -r now rest </proc/uptime || now=0
  until=$((\${now%.*} + seconds))
  while :; do
    news=
    measure $names
    for item in $records; do
      fields "$item"
      if [ -s "$rec.exit" ] || [ ! -e "$rec.claim" ]; then news=end; continue; fi
      eval "out=\\\${out_$rec:-0} err=\\\${err_$rec:-0}"
      if [ $((out + err)) -gt "$limit" ]; then news=end
      elif [ "$streams" = 1 ] && { [ "$out" != "$out_seen" ] || [ "$err" != "$err_seen" ]; }; then news=\${news:-output}
      # Looking at processes costs more than looking at files.
      elif [ $((turn % 10)) = 5 ]; then
        state_of "$rec"
        case $state in
          running) ;;
          # Between its claim and its begin a command spends milliseconds.
          starting) [ $turn -lt 25 ] || news=end ;;
          *) news=end ;;
        esac
      fi
    done
    [ "$news" != end ] || break
    # Output is gathered for one turn, so that a busy command does not cost a request for each line.
    [ "$news" != output ] || [ $turn = 0 ] || break
    read -r now rest </proc/uptime || now=0
    [ $turn -lt $((seconds * 5)) ] && [ "\${now%.*}" -lt "$until" ] || break
    current=
    read -r current <"$poll"
    # Empty on a full disk, where nobody could be told apart.
    [ -z "$current" ] || [ "$current" = "$t" ] || break
    turn=$((turn + 1))
    # Not every sleep knows fractions.
    sleep 0.2 || { sleep 1; turn=$((turn + 4)); }
  done
  for rec in $names; do
    state_of "$rec"
    eval "state_$rec=\\$state code_$rec=\\$code"
  done
  # Sizes after states: what an ended command wrote is all there.
  measure $names
  index=0
  for item in $records; do
    fields "$item"
    eval "state=\\$state_$rec code=\\$code_$rec"
    data=$streams
    [ "$state" != exited ] || data=1
    report $index "$rec" "$state" "$code" "$out_seen" "$err_seen" "$data"
    index=$((index + 1))
  done
  printf '%s\\n' "$t folder $d" "$t end"
`);
