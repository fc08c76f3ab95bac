import type { ScriptAnswer } from "../commands/answer.ts";
import { folderOf } from "../commands/record-report.ts";
import type { Question } from "../commands/sandbox-requests.ts";
import { recordOpening } from "../commands/settle-script.ts";
import { inKnownShell, shellText } from "../commands/shell-text.ts";

export interface TerminalSize {
  readonly rows: number;
  readonly cols: number;
}

/** Seconds after which a live view ends in the sandbox, whoever looks at it. A host that is there replaces its view before. */
export const viewLifeSeconds = 30 * 60;

/** Where a terminal is. */
export type PreparedPty =
  | {
      readonly kind: "ready";
      /** Absolute path of the record, without suffix. */
      readonly recordPath: string;
    }
  /** Its program has ended, or its sandbox was restarted. */
  | { readonly kind: "ended"; readonly recordPath: string }
  /** It is not a terminal, or not one that can be reached. */
  | { readonly kind: "not-ready" };

/** Waits until the terminal is there, sets its size, and leaves the file by which a live view shows it. May be repeated. */
export function preparePty(
  record: string,
  size: TerminalSize,
  shellPath: string,
): Question<PreparedPty> {
  return sizeQuestion(record, size, shellPath, [`printf '%s' '${viewFile}' >"$r.view"`]);
}

/** Sets the size of a terminal. Its program gets SIGWINCH when it differs. */
export function resizePty(
  record: string,
  size: TerminalSize,
  shellPath: string,
): Question<PreparedPty> {
  return sizeQuestion(record, size, shellPath, []);
}

function sizeQuestion(
  record: string,
  { rows, cols }: TerminalSize,
  shellPath: string,
  before: readonly string[],
): Question<PreparedPty> {
  return {
    script: (tag) => {
      const values = `t=${tag} r=${record} rows=${rows} cols=${cols}`;
      const lines = [values, recordOpening, waitForTerminal, ...before, resize];
      return inKnownShell(shellPath, lines.join("\n"));
    },
    read: (answer) => readPrepared(answer, record),
  };
}

const waitForTerminal = shellText(`
  say() { printf '%s\\n' "$t $*" "$t folder $d" "$t end"; exit; }
  turn=0
  while state_of "$r"; [ ! -s "$r.tty" ] && [ $turn -lt 100 ]; do
    case $state in running|starting) ;; *) break ;; esac
    turn=$((turn + 1))
    sleep 0.05 || { sleep 1; turn=$((turn + 19)); }
  done
  case $state in exited|restarted|gone) say ended ;; esac
  tty=
  read -r tty <"$r.tty"
  case $tty in /dev/*) ;; *) say notready ;; esac
`);

const resize = shellText(`
  stty -F "$tty" rows "$rows" cols "$cols" || say notready
  say ready
`);

// Runs in a terminal of the provider's. Arguments: offset, two halves of a mark, path of the record. Once the mark is out, what
// follows is the record from the offset on, byte for byte; what comes in is typed into the terminal. No message of `tail` may come
// between those bytes. Not one quote in it.
//
// It ends by itself after a time: a host that was killed cannot remove it, and the provider would keep it until the terminal's end.
// The end of this shell, the first of its session, hangs up all that it started.
const viewFile = shellText(`
  life=${viewLifeSeconds}
  stty raw -echo
  exec 3<&0 2>/dev/null
  cat <&3 >"$4.fifo" &
  writer=$!
  { sleep "$life" && kill $$; } &
  clock=$!
  printf %s%s "$2" "$3"
  set -- "$1" "$4"
  read -r kind pid rest <"$2.pid"
  if tail --version >/dev/null 2>&1; then tail --pid="$pid" -c +$(($1 + 1)) -f "$2.out"
  else tail -c +$(($1 + 1)) -f "$2.out"
  fi
  kill $writer $clock
`);

function readPrepared(answer: ScriptAnswer, record: string): PreparedPty | undefined {
  const [word = ""] = answer.sections[0]?.words ?? [];
  const folder = folderOf(answer);
  switch (word) {
    case "ready":
    case "ended":
      if (folder === undefined) return undefined;
      return { kind: word, recordPath: `${folder}/${record}` };
    case "notready":
    case "nofolder":
      return { kind: "not-ready" };
    default:
      return undefined;
  }
}
