import { markersInShell } from "./log-markers.ts";
import type { SessionCommand } from "./session-command.ts";

/** `empty`: ends at once. `open`: stays open. `ends-after-first`: until a first input has come. */
export type CommandInput = "empty" | "open" | "ends-after-first";

export interface WrapperOptions {
  readonly input: CommandInput;
  readonly reportsExitCode: boolean;
}

/**
 * What the session's shell is given for one command. As in the real daemon the command runs in the shell itself, so that
 * `cd` and variables persist and `exit` ends the session. Its outputs go through loops that put a marker before each line
 * (and lose NUL), its input is a FIFO, and the exit code is written when both loops are through. The names of the variables
 * are those of the real daemon, because commands can see them and overwrite them.
 */
export function wrapCommand(command: SessionCommand, options: WrapperOptions): string {
  const { input, reportsExitCode } = options;
  const lines = [
    `log=${quoted(command.logPath)} dir=${quoted(command.directory)} ip=${quoted(command.inputPath)}`,
    'sp="$dir/stdout.pipe" ep="$dir/stderr.pipe"',
    'cleanup() { rm -f "$sp" "$ep" "$ip"; }',
    'cleanup && mkfifo "$sp" "$ep" "$ip" || exit 1',
    "trap cleanup EXIT HUP INT TERM",
    `${labelled(markersInShell.stdout, "$sp")} & r1=$!`,
    `${labelled(markersInShell.stderr, "$ep")} & r2=$!`,
    `${writers[input]} > "$ip" & ip_pid=$!`,
    `{ . ${quoted(command.scriptPath)}; } < "$ip" > "$sp" 2> "$ep"`,
    "_ec=$?",
    'kill "$ip_pid" 2>/dev/null; wait "$ip_pid" 2>/dev/null',
    'wait "$r1" "$r2"',
    ...(reportsExitCode ? [`echo "$_ec" >> ${quoted(command.exitCodePath)}`] : []),
    "cleanup",
  ];
  return `{\n${lines.join("\n")}\n}\n`;
}

const writers: { readonly [Input in CommandInput]: string } = {
  empty: "cat /dev/null",
  open: "while :; do sleep 3600; done",
  "ends-after-first": 'while [ ! -e "$dir/input.first" ]; do sleep 0.05; done',
};

function labelled(marker: string, pipe: string): string {
  return `(while IFS= read -r line || [ -n "$line" ]; do printf '${marker}%s\\n' "$line"; done < "${pipe}" >> "$log")`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
