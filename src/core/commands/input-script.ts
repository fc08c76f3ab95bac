import { shellQuote } from "../shell-quote.ts";
import { recordOpening, type SettleInput } from "./settle-script.ts";
import { inKnownShell, shellText } from "./shell-text.ts";

export interface InputPiece extends SettleInput {
  /** New for each piece and the same when it is sent again, so that it arrives once. `eof` is the end of the input. */
  readonly name: string;
  /** Number from which on a place for it is looked for. */
  readonly from: number;
  /** Undefined: its bytes were uploaded to the piece's `.part` file. */
  readonly text: string | undefined;
  /** Whether the answer waits until it was handed over, so that nothing that goes another way overtakes it. */
  readonly untilFed: boolean;
}

/** Pieces that may wait for a slow reader; what comes after them waits at the host. */
const mostWaiting = 16;

/**
 * Puts one piece of standard input into its place in the order, unless it is there already, and rings for the feeder. Waits a few
 * seconds for room when the command reads slowly.
 */
export function inputScript(input: InputPiece): string {
  const isEnd = input.name === "eof";
  const script = [
    `t=${input.tag} r=${input.record} n=${input.from} most=${mostWaiting} until_fed=${input.untilFed ? 1 : 0}`,
    `staged=${input.record}.${isEnd ? "eof" : `in-${input.name}`}`,
    recordOpening,
    checkReader,
    // A quoted text of our own, and no argument: those end at 128 KiB.
    `stage() { ${input.text === undefined ? "true" : `printf '%s' ${shellQuote(input.text)} >"$staged.part"`}; }`,
    place,
  ].join("\n");
  return inKnownShell(input.shellPath, script);
}

/** Path of the file that holds a piece before it is in its place. */
export function partPath(folder: string, record: string, name: string): string {
  return `${folder}/${record}.in-${name}.part`;
}

const checkReader = shellText(`
  say() { printf '%s\\n' "$t $*" "$t end"; exit; }
  state_of "$r"
  case $state in
    none|burned) say gone ;;
    exited|restarted|gone) say ended ;;
  esac
  [ -p "$r.fifo" ] || say nofeed
`);

const place = shellText(`
  # The file is empty for the moment in which it is written anew.
  know_fed() { word=; read -r word <"$r.fed"; [ -z "$word" ] || fed=$word; }
  fed=0
  know_fed
  if [ ! -e "$staged" ]; then
    [ "$fed" -le "$n" ] || n=$fed
    turn=0
    while [ $((n - fed)) -ge $most ]; do
      [ $turn -lt 20 ] && [ ! -e "$r.exit" ] || say full "$n"
      turn=$((turn + 1))
      sleep 0.2 || { sleep 1; turn=$((turn + 4)); }
      know_fed
    done
    # Where the search began, so that a repetition finds the place of the first time.
    echo "$n" >"$staged.from" && stage && mv "$staged.part" "$staged" || say failed
  else read -r n <"$staged.from"
  fi
  while ! ln "$staged" "$r.in.$n"; do
    [ -e "$r.in.$n" ] || say failed
    if [ "$staged" -ef "$r.in.$n" ]; then break; fi
    if [ "$r.eof" -ef "$r.in.$n" ]; then say closed; fi
    n=$((n + 1))
  done
  { echo >&6; } 6<>"$r.bell"
  [ $until_fed = 1 ] || say placed "$n"
  turn=0
  while know_fed; [ "$fed" -le "$n" ]; do
    [ ! -e "$r.exit" ] || say placed "$n"
    [ $turn -lt 100 ] || say unfed "$n"
    turn=$((turn + 1))
    sleep 0.05 || { sleep 1; turn=$((turn + 19)); }
  done
  say placed "$n"
`);
