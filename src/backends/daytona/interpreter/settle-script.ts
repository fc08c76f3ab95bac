import { findFolder, findOrMakeFolder } from "../../../core/commands/folder-fragment.ts";
import { processFunctions } from "../../../core/commands/process-fragment.ts";
import { processVariable } from "../../../core/commands/run-file.ts";
import type { Question } from "../../../core/commands/sandbox-requests.ts";
import { inKnownShell, shellText } from "../../../core/commands/shell-text.ts";

/** What became of a run: kept from running, running, ended with a result, or gone without one. */
type RunState = "burned" | "starting" | "running" | "ended" | "gone";

/** What to do about a run. All keep one that has not begun from running, but `look`. */
export type RunAction = "look" | "burn" | "interrupt" | "kill";

export interface RunStatus {
  readonly state: RunState;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
}

const runStates: ReadonlySet<string> = new Set<RunState>([
  "burned",
  "starting",
  "running",
  "ended",
  "gone",
]);

const functions = shellText(`
  ${processFunctions}
  state_of() {
    state=starting pid= start= ctx=
    if [ -e "$1/burned" ]; then state=burned; return; fi
    [ -e "$1/pid" ] || return
    read -r pid start ctx <"$1/pid"
    if [ -e "$1/result" ]; then state=ended
    elif same "$pid" "$start"; then state=running
    # The result may have been written since we looked.
    elif [ -e "$1/result" ]; then state=ended
    else state=gone
    fi
  }
  # What the code has started carries the name of the run; the interpreter itself shows the environment that it began with.
  signal_all() {
    for e in $(grep -lsF "${processVariable}=$2" /proc/[0-9]*/environ); do
      e=\${e%/environ} e=\${e#/proc/}
      [ "$e" = "$pid" ] || kill -"$1" "$e"
    done
    kill -"$1" "$pid"
  }
`);

/** Where runs keep what they do. Undefined in the answer: nowhere. */
export function prepareQuestion(shellPath: string): Question<string> {
  return {
    script: (tag) => {
      const script = [
        `t=${tag}`,
        "exec 2>/dev/null",
        findOrMakeFolder,
        `printf '%s\\n' "$t folder $d" "$t end"`,
      ].join("\n");
      return inKnownShell(shellPath, script);
    },
    read: ({ sections }) => {
      const [word, ...path] = sections[0]?.words ?? [];
      return word === "folder" && path.join(" ").startsWith("/") ? path.join(" ") : undefined;
    },
  };
}

/** Looks at a run, keeps it from beginning, or sends it a signal; then says what is so. */
export function runQuestion(
  shellPath: string,
  run: string,
  action: RunAction,
): Question<RunStatus> {
  return {
    script: (tag) => {
      const script = [
        `t=${tag} r=${run} action=${action}`,
        "exec 2>/dev/null",
        findFolder,
        functions,
        shellText(`
          cd "$d" || exit
          if [ $action != look ] && mkdir "$r"; then : >"$r/burned"; fi
          state=starting
          if [ -d "$r" ]; then state_of "$r"; fi
          if [ $state = running ]; then
            case $action in
              interrupt) signal_all INT "$r" ;;
              kill)
                signal_all KILL "$r"
                turn=0
                while state_of "$r"; [ $state = running ] && [ $turn -lt 40 ]; do
                  turn=$((turn + 1))
                  sleep 0.05 || { sleep 1; turn=$((turn + 19)); }
                done
              ;;
            esac
          fi
          out=0 err=0
          if [ -e "$r/run.err" ]; then
            out=$(wc -c <"$r/run.out") err=$(wc -c <"$r/run.err")
          fi
          printf '%s\\n' "$t state $state $((out)) $((err))" "$t end"
        `),
      ].join("\n");
      return inKnownShell(shellPath, script);
    },
    read: ({ sections }) => {
      const [word, state = "", out, err] = sections[0]?.words ?? [];
      if (word !== "state" || !runStates.has(state)) return undefined;
      return { state: state as RunState, stdoutBytes: Number(out), stderrBytes: Number(err) };
    },
  };
}

/** Interrupts everything that runs in a context; the answer is how many runs that were. */
export function interruptQuestion(shellPath: string, contextId: string): Question<number> {
  return {
    script: (tag) => {
      const script = [
        `t=${tag} wanted=${contextId} count=0`,
        "exec 2>/dev/null",
        findFolder,
        functions,
        shellText(`
          if [ -n "$d" ] && cd "$d"; then
            for r in code-*; do
              [ -d "$r" ] || continue
              state_of "$r"
              if [ $state = running ] && [ "$ctx" = "$wanted" ]; then
                signal_all INT "$r"
                count=$((count + 1))
              fi
            done
          fi
          printf '%s\\n' "$t interrupted $count" "$t end"
        `),
      ].join("\n");
      return inKnownShell(shellPath, script);
    },
    read: ({ sections }) => {
      const [word, count] = sections[0]?.words ?? [];
      return word === "interrupted" ? Number(count) : undefined;
    },
  };
}

/** Removes what finished runs have left. */
export function forgetQuestion(shellPath: string, runs: readonly string[]): Question<true> {
  return {
    script: (tag) => {
      const script = [
        `t=${tag}`,
        "exec 2>/dev/null",
        findFolder,
        `if [ -n "$d" ] && cd "$d"; then rm -rf ${runs.join(" ")}; fi`,
        `printf '%s\\n' "$t forgotten" "$t end"`,
      ].join("\n");
      return inKnownShell(shellPath, script);
    },
    read: ({ sections }) => (sections[0]?.words[0] === "forgotten" ? true : undefined),
  };
}
