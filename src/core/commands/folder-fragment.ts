import { shellText } from "./shell-text.ts";

// Both fragments set `d` to the private folder, or to nothing, and work in sh, dash, bash, busybox and zsh. Which of the two places
// it is depends on HOME alone, so that all scripts of all hosts find the same one.

const choosePlace = shellText(`
  d=
  # Without HOME the path would begin at the root.
  case \${HOME-} in
    /*) if [ -d "$HOME" ] && [ -w "$HOME" ]; then d=$HOME/.sandbox-backend/run; fi ;;
  esac
  if [ -z "$d" ]; then
    # The user's number without a fork; users who share a machine must not be in each other's way.
    u=
    while read -r k v w; do if [ "$k" = Uid: ]; then u=$v; fi; done </proc/self/status
    d=/tmp/.sandbox-backend-run-$u
  fi
`);

// A folder that another user owns, or that is a link, is not ours. "-O" is not in POSIX, but in all five shells.
const checkPlace = shellText(`
  if [ ! -d "$d" ] || [ -L "$d" ] || [ ! -O "$d" ] || [ ! -w "$d" ]; then d=; fi
`);

/** Shell: looks for the private folder. No fork. */
export const findFolder = shellText(`
  ${choosePlace}
  ${checkPlace}
`);

/** Shell: looks for the private folder, and makes it when there is none; no fork when there is. */
export const findOrMakeFolder = shellText(`
  ${choosePlace}
  # -p also because several hosts may do this at the same moment.
  if [ ! -e "$d" ]; then (umask 077; mkdir -p "$d") </dev/null 2>/dev/null; fi
  ${checkPlace}
`);
