import { spawn } from "node:child_process";
import { EngineError } from "../engine-error.ts";
import { findSystemProgram } from "../isolation/system-programs.ts";
import type { TerminalSize } from "./terminal-size.ts";

const TIMEOUT_MS = 10_000;
/** Not 0 to 2: Node would make the terminal blocking, for this process too. */
const MASTER_IN_HELPER = 3;

/** Numbers of ioctl requests, which are the same on every architecture but some. */
const REQUESTS = { unlock: 0x40045431, setSize: 0x5414 };
const OTHER_REQUESTS = { unlock: 0x80045431, setSize: 0x80087467 };
const OTHER_ARCHITECTURES = ["ppc", "ppc64", "mips", "mipsel"];

const PROGRAM = [
  "use strict;",
  "my ($set_size, $rows, $cols, $unlock) = @ARGV;",
  `open(my $master, "+<&=", ${MASTER_IN_HELPER}) or die "open: $!\\n";`,
  'my $size = pack("S4", $rows, $cols, 0, 0);',
  'ioctl($master, $set_size, $size) or die "TIOCSWINSZ: $!\\n";',
  "exit 0 unless $unlock;",
  'my $locked = pack("i", 0);',
  'ioctl($master, $unlock, $locked) or die "TIOCSPTLCK: $!\\n";',
].join(" ");

/**
 * Gives a new PTY its size, and then lets its terminal be opened. The kernel locks each new one, and Node has no ioctl(2);
 * perl has, is on every Debian and Ubuntu, and takes a few milliseconds.
 *
 * @throws EngineError `PTY_UNAVAILABLE`.
 */
export async function unlockTerminal(master: number, size: TerminalSize): Promise<void> {
  const { setSize, unlock } = requests();
  await control(master, [setSize, size.rows, size.cols, unlock]);
}

/** Sets the size in one step, of which the terminal's foreground processes learn by SIGWINCH. */
export async function resizeTerminal(master: number, size: TerminalSize): Promise<void> {
  await control(master, [requests().setSize, size.rows, size.cols]);
}

function requests(): typeof REQUESTS {
  return OTHER_ARCHITECTURES.includes(process.arch) ? OTHER_REQUESTS : REQUESTS;
}

async function control(master: number, numbers: readonly number[]): Promise<void> {
  const perl = findSystemProgram("perl");
  if (perl === undefined) {
    throw new EngineError("PTY_UNAVAILABLE", "A PTY needs perl, which this machine does not have");
  }
  const helper = spawn(perl, ["-e", PROGRAM, ...numbers.map(String)], {
    cwd: "/",
    env: { LC_ALL: "C" },
    stdio: ["ignore", "ignore", "pipe", master],
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  const complaints: string[] = [];
  helper.stderr?.setEncoding("utf8").on("data", (text: string) => complaints.push(text));
  const ended = await new Promise<number | string | null>((resolve, reject) => {
    helper.once("error", reject);
    helper.once("close", (exitCode, signal) => resolve(exitCode ?? signal));
  });
  if (ended !== 0) {
    const reason = complaints.join("").trim() || `perl ended with ${String(ended)}`;
    throw new EngineError("PTY_UNAVAILABLE", `The PTY could not be set up: ${reason}`);
  }
}
