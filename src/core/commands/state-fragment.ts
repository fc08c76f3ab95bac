import { processFunctions } from "./process-fragment.ts";
import { shellText } from "./shell-text.ts";

/**
 * Shell functions about records, run in the private folder with `t` set to the answer's tag.
 *
 * - `state_of RECORD`: sets `state` (none, burned, starting, running, exited, restarted, gone) and `code`.
 * - `measure RECORD…`: sets out_RECORD and err_RECORD to the sizes of the output.
 * - `report INDEX RECORD STATE CODE OUT_OFFSET ERR_OFFSET WITH_DATA`: prints what the host wants to know.
 */
export const stateFunctions = shellText(`
  ${processFunctions}
  exit_of() {
    word= code=-
    read -r word code name <"$1.exit"
    # The name at the end of the line proves that the line is whole.
    if [ "$word" = exit ] && [ "$name" = "$1" ]; then state=exited; else code=-; return 1; fi
  }
  state_of() {
    state=none code=- keeper=
    [ -e "$1.claim" ] || return 0
    word=
    read -r word rest <"$1.claim"
    if [ "$word" = burned ]; then state=burned; return 0; fi
    state=starting kind= whole_line=
    read -r kind pid start group waiter keeper keeper_start then whole_line <"$1.pid"
    case $kind in
      cancelled) state=burned; return 0 ;;
      pid) [ "$whole_line" = . ] || return 0 ;;
      *) return 0 ;;
    esac
    exit_of "$1" && return 0
    if [ "$then" != "$boot" ]; then state=restarted
    elif same "$keeper" "$keeper_start" || same "$pid" "$start"; then state=running
    # The exit may have been written since we looked.
    else exit_of "$1" || state=gone
    fi
    return 0
  }
  measure() {
    files=
    for rec in "$@"; do files="$files $rec.out $rec.err"; done
    set -- $(wc -c $files)
    while [ $# -ge 2 ]; do
      case $2 in
        *.out) eval "out_\${2%.out}=\\$1" ;;
        *.err) eval "err_\${2%.err}=\\$1" ;;
      esac
      shift 2
    done
  }
  report() {
    eval "out=\\\${out_$2:-0} err=\\\${err_$2:-0}"
    killed=0
    [ -e "$2.killed" ] && killed=1
    background=0
    [ -e "$2.background" ] && background=1
    out_length=$((out - $5)) err_length=$((err - $6))
    # A command may truncate its own output; then it is read from its beginning.
    out_from=$5 err_from=$6
    [ $out_length -ge 0 ] || { out_length=$out out_from=0; }
    [ $err_length -ge 0 ] || { err_length=$err err_from=0; }
    # More than the host wants in an answer is left for ranged reads.
    if [ "$7" != 1 ] || [ $((out_length + err_length)) -gt $budget ]; then out_length=0 err_length=0; fi
    budget=$((budget - out_length - err_length))
    printf '%s\\n' "$t record $1 $3 $4 $killed $background $out $err $out_from $out_length $err_from $err_length"
    [ $out_length = 0 ] || tail -c +$((out_from + 1)) "$2.out" | head -c $out_length
    printf '%s\\n' "$t stderr"
    [ $err_length = 0 ] || tail -c +$((err_from + 1)) "$2.err" | head -c $err_length
  }
  budget=262144
`);
