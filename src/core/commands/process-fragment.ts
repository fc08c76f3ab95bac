import { shellText } from "./shell-text.ts";

/**
 * Shell functions about processes, without a fork; for a POSIX `sh` (they split words).
 *
 * - `stat_of PID`: sets st_state, st_parent, st_group and st_start; fails when there is no such process.
 * - `same PID START`: whether that process lives and is not another one with the same number.
 * - `know_boot`: sets `boot`, which differs after a restart of the sandbox: the start time of PID 1 (containers) and the kernel's
 *   boot ID (virtual machines, or a move to another host).
 */
export const processFunctions = shellText(`
  stat_of() {
    st_line=
    # A process may have a newline, blanks and brackets in its name: the last line's part after the last bracket counts.
    { while IFS= read -r st_next; do st_line=$st_next; done </proc/"$1"/stat; } 2>/dev/null || return 1
    st_line=\${st_line##*\\) }
    set -- $st_line
    [ $# -ge 20 ] || return 1
    st_state=$1 st_parent=$2 st_group=$3 st_start=\${20}
  }
  same() {
    # "-" was recorded where /proc cannot be read.
    if [ "$2" = - ]; then kill -0 "$1"; return; fi
    stat_of "$1" && [ "$st_start" = "$2" ] && [ "$st_state" != Z ]
  }
  know_boot() {
    st_start=-
    stat_of 1
    boot_id=-
    { read -r boot_id </proc/sys/kernel/random/boot_id; } 2>/dev/null
    boot=$st_start/$boot_id
  }
`);
