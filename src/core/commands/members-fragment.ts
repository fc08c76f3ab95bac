import { shellText } from "./shell-text.ts";

/**
 * Shell functions about the processes of a command, on top of the state fragment, after `state_of` and with `needle` set to the
 * environment entry that all of them carry.
 *
 * - `members`: sets `alive` to the processes of the command that live, `outside` to those of them that are not in its group, and
 *   `whole` to 1 when the group can be signalled as one. Fails when none lives.
 * - `signal_all NAME`: sends a signal to each of them once.
 */
export const memberFunctions = shellText(`
  pause() { sleep 0.05 || { sleep 1; turn=$((turn + 19)); }; }
  members() {
    alive= outside= whole=
    # A group whose leader is gone may keep its number; one with another leader is not ours.
    if [ "$group" = "$pid" ] && { same "$pid" "$start" || [ ! -e "/proc/$pid" ]; }; then whole=1; fi
    carriers= candidates=
    # An empty needle would be found in every process there is.
    case $needle in *=?*_[0-9]) carriers=$(grep -lsF "$needle" /proc/[0-9]*/environ) ;; esac
    [ "$group" = - ] || candidates=$(grep -lsE "\\) [A-Za-z] [0-9]+ $group " /proc/[0-9]*/stat)
    for entry in $carriers $candidates; do
      entry=\${entry%/*}
      process=\${entry#/proc/}
      case " $alive " in *" $process "*) continue ;; esac
      stat_of "$process" || continue
      case $st_state in Z|X) continue ;; esac
      [ "$process" != "$keeper" ] || continue
      member=
      if [ -n "$whole" ] && [ "$st_group" = "$group" ]; then member=group
      # Without setsid the command shares the group that the provider made for the waiter.
      elif [ "$group" = "$waiter" ] && [ "$st_group" = "$group" ] && [ "$process" != "$waiter" ] && [ "$st_parent" != "$waiter" ]; then member=1
      fi
      case $carriers in *"$entry/environ"*) member=\${member:-1} ;; esac
      [ -z "$member" ] || alive="$alive $process"
      [ "$member" != 1 ] || outside="$outside $process"
    done
    [ -n "$alive" ]
  }
  # A command that runs as another user may only be signalled as that one.
  send() { kill -"$1" "$2" || { [ -e "$r.user" ] && sudo -n kill -"$1" -- "$2"; }; }
  signal_all() {
    [ -z "$whole" ] || send "$1" "-$group"
    for process in $outside; do send "$1" "$process"; done
  }
`);
