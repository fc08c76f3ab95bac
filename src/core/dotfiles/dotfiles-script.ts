import { shellText } from "../commands/shell-text.ts";
import { shellQuote } from "../shell-quote.ts";

/** Where the repository is cloned to, below the home directory. */
const cloneName = ".dotfiles";
/** What is in the way is kept under its own name with this behind it, and a number where that is taken too. */
const backupSuffix = ".before-dotfiles";

/** Exit codes of the script, out of the way of git's own (1, 2, 128, 129). */
export const dotfilesExitCodes = { gitMissing: 82, notLinked: 85 } as const;

/** Line that says which program of the repository is to be run, before its name. */
export const installMark = "sandbox-backend-install ";

/**
 * A POSIX script that clones dotfiles and links them into the home directory: each file of an entry that begins with a dot, one by
 * one, so that directories stay the sandbox's own. It may be run again after it was cut off anywhere, and finds what it has done.
 * Prints what {@link installMark} announces, unless that has been run in this sandbox.
 */
export function dotfilesScript(url: string, markerName: string): string {
  return [
    "set -u",
    "LC_ALL=C; export LC_ALL",
    `url=${shellQuote(url)} mark="$HOME/.sandbox-backend/${markerName}"`,
    body,
  ].join("\n");
}

const writeMarker = `(umask 077; mkdir -p "$HOME/.sandbox-backend") && : >"$mark"`;

/** The marker is written when everything is done, the program that the repository brings included. */
export function dotfilesMarkerScript(markerName: string): string {
  return `mark="$HOME/.sandbox-backend/${markerName}"\n${writeMarker}\n`;
}

/**
 * The command that runs the program in the repository's own folder.
 *
 * @param name - One that the script has announced.
 */
export function installCommand(name: "install.sh" | "setup.sh"): string {
  return shellText(`
    cd "$HOME/${cloneName}" || exit
    if [ -x ./${name} ]; then exec ./${name}; else exec /bin/sh ./${name}; fi
  `);
}

const linkFiles = shellText(`
  for file do
    file=\${file#./}
    case $file in
      .git/*|.github/*|.gitignore|.gitattributes|.gitmodules|.sandbox-backend/*|${cloneName}/*) continue ;;
    esac
    wanted=$HOME/${cloneName}/$file target=$HOME/$file
    [ ! -L "$target" ] || [ "$(readlink "$target")" != "$wanted" ] || continue
    # A file where a directory must be is in the way as well.
    part=$HOME rest=$file
    while [ "\${rest#*/}" != "$rest" ]; do
      part=$part/\${rest%%/*} rest=\${rest#*/}
      if [ ! -d "$part" ]; then
        keep_aside "$part" || exit 85
        mkdir "$part" || exit 85
      fi
    done
    keep_aside "$target" || exit 85
    ln -s "$wanted" "$target" || exit 85
  done
`);

const keepAside = shellText(`
  keep_aside() {
    [ -e "$1" ] || [ -L "$1" ] || return 0
    aside=$1${backupSuffix} number=1
    while [ -e "$aside" ] || [ -L "$aside" ]; do
      number=$((number + 1))
      aside=$1${backupSuffix}.$number
    done
    mv "$1" "$aside"
  }
`);

const body = [
  keepAside,
  shellText(`
    [ ! -e "$mark" ] || exit 0
    command -v git >/dev/null 2>&1 || exit ${dotfilesExitCodes.gitMissing}
    git() { command git -c http.lowSpeedLimit=1 -c http.lowSpeedTime=60 -c advice.detachedHead=false "$@"; }
    work=$HOME/${cloneName} fresh=$HOME/.sandbox-backend-dotfiles
    if [ -e "$work/.git" ] && [ "$(git -C "$work" config --get remote.origin.url)" = "$url" ]; then
      # Of an earlier run, or of the snapshot that the sandbox was made from.
      git -C "$work" pull --quiet --ff-only --recurse-submodules || exit
    else
      rm -rf "$fresh" || exit 1
      git clone --quiet --recurse-submodules -- "$url" "$fresh" || exit
      keep_aside "$work" || exit ${dotfilesExitCodes.notLinked}
      mv "$fresh" "$work" || exit 1
    fi
    cd "$work" || exit 1
  `),
  // Names may hold any character, so they are handed over as arguments.
  `find . -path ./.git -prune -o -path './.*' \\( -type f -o -type l \\) -exec sh -c ${shellQuote(`${keepAside}\n${linkFiles}`)} sh {} + || exit ${dotfilesExitCodes.notLinked}`,
  shellText(`
    for name in install.sh setup.sh; do
      [ ! -f "$name" ] || { printf '%s\\n' "${installMark}$name"; exit 0; }
    done
    ${writeMarker}
  `),
].join("\n");
