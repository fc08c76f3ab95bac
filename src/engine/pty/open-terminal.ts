import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { EngineError } from "../engine-error.ts";
import { type FileTree, resolvePath } from "../files/path-walker.ts";
import { unlockTerminal } from "./terminal-control.ts";
import type { TerminalSize } from "./terminal-size.ts";

/** Where PTYs come from: a file tree, and the path in it that makes a new one when opened. */
export interface TerminalSource {
  readonly tree: FileTree;
  readonly multiplexer: string;
}

/** The two ends of a new PTY, as descriptors. */
export interface Terminal {
  /** What the program writes is read here. The PTY lives for as long as this is open. Never waits. */
  readonly master: number;
  /** What the program gets as its standard streams. */
  readonly slave: number;
}

const MULTIPLEXER_DEVICE = deviceNumber(5, 2);
const TERMINAL_MAJOR = 136;

/**
 * Opens a new PTY of this size. The caller closes both ends.
 *
 * @throws EngineError `PTY_UNAVAILABLE`.
 */
export async function openTerminal(source: TerminalSource, size: TerminalSize): Promise<Terminal> {
  const access = constants.O_RDWR | constants.O_NOCTTY;
  const master = await openDevice(
    source,
    source.multiplexer,
    MULTIPLEXER_DEVICE,
    access | constants.O_NONBLOCK,
  );
  try {
    await unlockTerminal(master, size);
    const index = terminalIndex(master);
    const device = deviceNumber(TERMINAL_MAJOR, index);
    return { master, slave: await openDevice(source, `/dev/pts/${index}`, device, access) };
  } catch (error) {
    closeSync(master);
    throw error;
  }
}

/** Opens exactly this device: a sandbox can put other things into its `/dev`. */
async function openDevice(
  { tree }: TerminalSource,
  path: string,
  device: number,
  flags: number,
): Promise<number> {
  try {
    return await resolvePath(tree, path, "open", { followFinal: true }, ({ target }) => {
      if (!target?.stats.isCharacterDevice() || target.stats.rdev !== device) {
        throw new EngineError("PTY_UNAVAILABLE", `${path} is not the device that makes PTYs`);
      }
      return openSync(target.path, flags);
    });
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const { message } = error as Error;
    throw new EngineError("PTY_UNAVAILABLE", `No PTY could be opened: ${message}`, {
      cause: error,
    });
  }
}

function terminalIndex(master: number): number {
  const text = readFileSync(`/proc/self/fdinfo/${master}`, "latin1");
  const index = /^tty-index:\s*(\d+)$/m.exec(text)?.[1];
  if (index === undefined) {
    throw new EngineError("PTY_UNAVAILABLE", "The kernel does not tell the number of a PTY");
  }
  return Number(index);
}

/** As stat(2) gives it. */
function deviceNumber(major: number, minor: number): number {
  return (major << 8) | (minor & 0xff) | ((minor & ~0xff) << 12);
}
