import { shellQuote } from "../shell-quote.ts";

export interface CloneRequest {
  readonly workDir: string;
  readonly repoUrl: string | undefined;
  readonly branchName: string | undefined;
  readonly commit: string | undefined;
  readonly cloneDepth: number | undefined;
  readonly submodules: boolean;
  /** Base name of the file that records that this was done; bound to the sandbox and to what was asked for. */
  readonly markerName: string;
}

/** Exit codes of the script, out of the way of git's own (1, 2, 128, 129). */
export const cloneExitCodes = {
  workDirNotMade: 81,
  gitMissing: 82,
  directoryNotEmpty: 83,
  otherOrigin: 84,
} as const;

/**
 * A POSIX script that makes the working directory and clones into it. It may be run again after it was cut off anywhere:
 * the clone is made in a fresh folder and moved, and the marker is written last.
 */
export function cloneScript(request: CloneRequest): string {
  return [
    "set -u",
    "LC_ALL=C; export LC_ALL",
    `work=${shellQuote(request.workDir)}`,
    'marks="${HOME:-/tmp}/.sandbox-backend"',
    `mark="$marks/${request.markerName}"`,
    '[ -e "$mark" ] && exit 0',
    makeWorkDirLines,
    ...(request.repoUrl === undefined ? [] : repositoryLines(request, request.repoUrl)),
    '[ -d "$marks" ] || (umask 077; mkdir -p "$marks") || exit 1',
    ': >"$mark"',
    "",
  ].join("\n");
}

const makeWorkDirLines = `if ! mkdir -p "$work" || ! [ -w "$work" ]; then
  command -v sudo >/dev/null 2>&1 || exit ${cloneExitCodes.workDirNotMade}
  sudo -n mkdir -p "$work" && sudo -n chown "$(id -u):$(id -g)" "$work" || exit ${cloneExitCodes.workDirNotMade}
fi`;

function repositoryLines(request: CloneRequest, repoUrl: string): string[] {
  const depth = request.cloneDepth === undefined ? "" : ` --depth ${request.cloneDepth}`;
  const wholeDepth = request.cloneDepth === undefined ? "" : `${depth} --no-single-branch`;
  return [
    `url=${shellQuote(repoUrl)}`,
    `command -v git >/dev/null 2>&1 || exit ${cloneExitCodes.gitMissing}`,
    // A remote that sends nothing for a minute is given up, so that a clone always ends.
    'git() { command git -c http.lowSpeedLimit=1 -c http.lowSpeedTime=60 -c advice.detachedHead=false -c core.quotePath=false "$@"; }',
    'fresh="$work/.sandbox-backend-clone"',
    "known=no",
    'if [ -e "$work/.git" ]; then',
    "  known=yes",
    '  origin=$(git -C "$work" config --get remote.origin.url)',
    `  [ "$origin" = "$url" ] || { printf 'origin is %s\\n' "$origin" >&2; exit ${cloneExitCodes.otherOrigin}; }`,
    `  git -C "$work" fetch${depth} origin || exit`,
    "else",
    // What an interrupted run of this script left behind goes; anything else in the directory is somebody's.
    '  rm -rf "$fresh" || exit 1',
    `  [ -z "$(ls -A "$work")" ] || exit ${cloneExitCodes.directoryNotEmpty}`,
    `  git clone --no-checkout${wholeDepth} -- "$url" "$fresh" || exit`,
    '  mv "$fresh/.git" "$work/.git" && rmdir "$fresh" || exit 1',
    "fi",
    'cd "$work" || exit 1',
    ...checkoutLines(request, depth),
    ...(request.commit === undefined ? [fastForward] : []),
    ...(request.submodules ? [`git submodule update --init --recursive${depth} || exit`] : []),
    "git rev-parse --verify --quiet HEAD",
  ];
}

/** A clone that came with a snapshot is behind; what was committed there, or is ignored, stays. */
const fastForward = `if [ "$known" = yes ] && up=$(git rev-parse --verify --quiet '@{upstream}') && git merge-base --is-ancestor HEAD "$up"; then
  git merge --quiet --ff-only "$up" || exit
fi`;

function checkoutLines(request: CloneRequest, depth: string): string[] {
  const lines: string[] = [];
  if (request.commit !== undefined) {
    lines.push(
      `git cat-file -e '${request.commit}^{commit}' 2>/dev/null || git fetch${depth} origin ${request.commit} || exit`,
    );
  }
  if (request.branchName === undefined) {
    lines.push(
      request.commit === undefined
        ? // An empty repository has nothing to check out.
          "! git rev-parse --verify --quiet HEAD >/dev/null || git checkout --quiet || exit"
        : `git checkout --quiet --detach ${request.commit} || exit`,
    );
    return lines;
  }
  const branch = shellQuote(request.branchName);
  lines.push(`branch=${branch}`);
  lines.push(
    'if git rev-parse --verify --quiet "refs/heads/$branch" >/dev/null; then exists=local',
    'elif git rev-parse --verify --quiet "refs/remotes/origin/$branch" >/dev/null; then exists=remote',
    "else exists=no; fi",
  );
  if (request.commit === undefined) {
    lines.push(
      'case "$exists" in',
      // A clone has its default branch as a local one already, without a work tree.
      'local) git checkout --quiet "$branch" -- || exit ;;',
      'remote) git checkout --quiet -b "$branch" --track "origin/$branch" || exit ;;',
      '*) git checkout --quiet -b "$branch" || exit ;;',
      "esac",
    );
  } else {
    lines.push(
      `git checkout --quiet -B "$branch" ${request.commit} || exit`,
      'if [ "$exists" != no ]; then git branch --quiet --set-upstream-to "origin/$branch" "$branch" || :; fi',
    );
  }
  return lines;
}
