import { recordOpening } from "./settle-script.ts";
import { inKnownShell, shellText } from "./shell-text.ts";

/**
 * Reports on all commands that the private folder knows: what runs, and what `spawn` and `attachPty` started and has ended. No fork, however many
 * there are.
 */
export function listScript(tag: string, shellPath: string): string {
  return inKnownShell(shellPath, [`t=${tag}`, recordOpening, list].join("\n"));
}

const list = shellText(`
  boot_time=-
  while read -r key value; do
    if [ "$key" = btime ]; then boot_time=$value; break; fi
  done </proc/stat
  for claim in *.claim; do
    r=\${claim%.claim} start=
    state_of "$r"
    case $state in none|burned) continue ;; esac
    word= starter= kind=
    read -r word starter kind rest <"$claim"
    case $state$kind in running*|starting*|*spawn|*pty) ;; *) continue ;; esac
    line=
    read -r line <"$r.cmd"
    printf '%s\\n' "$t process $r $state $code \${kind:--} \${start:--} $boot_time"
    printf '%s\\n' "$line"
  done
  printf '%s\\n' "$t end"
`);
