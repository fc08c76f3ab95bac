import type { Command } from "../../contract/command.ts";
import { shellQuote } from "../shell-quote.ts";

export interface PtyCommandInput {
  /** Undefined: the user's shell as a login shell. */
  readonly command: Command | undefined;
  readonly rows: number;
  readonly cols: number;
}

/** Exit code of a start that found no way to open a terminal. */
export const noTerminalExitCode = 117;

/** What such a start says on standard error. */
const noTerminalMessage = "sandbox-backend: neither script nor python3 is in the sandbox";

// The `script` of other systems has other options.
const hasScript =
  "command -v script >/dev/null 2>&1 && script --version 2>/dev/null | grep -q util-linux";

/** Shell: whether the sandbox has a program that opens a terminal. */
export const hasTerminalProgram = `{ { ${hasScript}; } || command -v python3 >/dev/null 2>&1; }`;

/**
 * The command that becomes a terminal: a program that opens one, types what it reads, and writes what the terminal shows to
 * standard output, which is the record. Inside of it the size is set before anything is shown.
 */
export function ptyCommand({ command, rows, cols }: PtyCommandInput): string {
  return [
    `SANDBOX_BACKEND_PTY=\${0%.cmd}`,
    "export SANDBOX_BACKEND_PTY",
    `printf '%s' ${shellQuote(innerFile(command, rows, cols))} >"$SANDBOX_BACKEND_PTY.inner"`,
    openTerminal,
  ].join("\n");
}

// `script` of util-linux and the pty module of Python copy bytes as they are. Their own exit code says nothing when they were
// killed, so what runs inside writes down how it ended; without that this shell does not claim to know. A signal to all of them must
// not end this shell first: its code would be taken for the program's, and what the program still shows would come too late.
const openTerminal = [
  "trap : INT QUIT HUP TERM",
  `inner='exec /bin/sh "$SANDBOX_BACKEND_PTY.inner"'`,
  `if ${hasScript}; then`,
  `  SHELL=/bin/sh script -qefc "SHELL='\${SHELL-}' $inner" /dev/null`,
  "elif command -v python3 >/dev/null 2>&1; then",
  `  python3 -c 'import os, pty, sys`,
  `status = pty.spawn(["/bin/sh", "-c", sys.argv[1]])`,
  `sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))' "$inner"`,
  "else",
  `  echo ${shellQuote(noTerminalMessage)} >&2`,
  `  exit ${noTerminalExitCode}`,
  "fi",
  "ended=$?",
  // `script` may be gone before the program has dealt with the same signal.
  "turn=0",
  `while [ -s "$SANDBOX_BACKEND_PTY.tty" ] && [ ! -s "$SANDBOX_BACKEND_PTY.code" ] && [ $turn -lt 40 ]; do`,
  "  turn=$((turn + 1))",
  "  sleep 0.05 2>/dev/null || { sleep 1; turn=$((turn + 19)); }",
  "done",
  `if read -r code <"$SANDBOX_BACKEND_PTY.code"; then exit "$code"; fi 2>/dev/null`,
  `[ $ended = 0 ] || exit $ended`,
  "trap - TERM",
  "kill -TERM $$",
  "",
].join("\n");

function innerFile(command: Command | undefined, rows: number, cols: number): string {
  return [
    `stty rows ${rows} cols ${cols}`,
    // The name tells others which terminal it is; once the file is there, the terminal is ready.
    `tty >"$SANDBOX_BACKEND_PTY.tty"`,
    `set -- "$SANDBOX_BACKEND_PTY"`,
    "unset SANDBOX_BACKEND_PTY",
    // Caught and not ignored, so that the program gets them as usual, and this shell lives to tell how it ended.
    "trap : INT QUIT HUP TERM",
    command === undefined ? loginShell : commandLine(command),
    "code=$?",
    `echo "$code" >"$1.code"`,
    "exit $code",
    "",
  ].join("\n");
}

const loginShell = [
  `[ -n "\${SHELL-}" ] && [ -x "$SHELL" ] || SHELL=$(command -v bash || echo /bin/sh)`,
  "export SHELL",
  `"$SHELL" -l`,
].join("\n");

function commandLine(command: Command): string {
  if (typeof command === "string") return `/bin/sh -c ${shellQuote(command)}`;
  const words = command.map(shellQuote).join(" ");
  // Not every shell takes a program whose name begins with a dash.
  return command[0]?.startsWith("-") ? `env -- ${words}` : words;
}
