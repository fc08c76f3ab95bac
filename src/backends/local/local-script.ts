import { ConnectionError } from "../../contract/provider-errors.ts";
import type { EngineProcess, EngineSandbox } from "../../engine/engine-types.ts";

// One pipe for both outputs, so that they arrive in the order in which they were written. The script is standard input.
const bothOutputsInOnePipe = ["/bin/sh", "-c", "exec /bin/sh 2>&1"];

/** Milliseconds that output is waited for after the end of the shell: somebody else may hold it open. */
const outputDrainMs = 10_000;

/** A script on its way to the standard input of a shell of its own. */
export interface RunningScript {
  /**
   * What it printed; resolves when its shell has ended and its output is closed.
   *
   * @throws {@link ConnectionError} when something killed the shell.
   */
  readonly output: Promise<string>;
  /** It goes on by itself, and no longer keeps the host alive. */
  abandon(): void;
}

/**
 * Starts a script.
 *
 * @param cwd Absolute.
 */
export async function startScript(
  sandbox: EngineSandbox,
  script: string,
  cwd: string,
): Promise<RunningScript> {
  const child = await sandbox.spawn(bothOutputsInOnePipe, { cwd });
  // Must be reached in the same turn, or the first output could be missed.
  return { output: runToEnd(child, script), abandon: () => child.unref() };
}

async function runToEnd(child: EngineProcess, script: string): Promise<string> {
  const chunks: Buffer[] = [];
  const collect = (chunk: Buffer): void => {
    chunks.push(chunk);
  };
  child.stdout.on("data", collect);
  child.stderr.resume();
  const closed = new Promise<void>((resolve) => {
    child.stdout.once("close", resolve);
    // A pipe that breaks has no more to give than one that ends.
    child.stdout.once("error", () => resolve());
  });
  child.stdin.end(script);
  const { signal } = await child.exited;
  await Promise.race([closed, unheldDelay(outputDrainMs)]);
  // What comes later is read and thrown away, so that no writer gets SIGPIPE.
  child.stdout.off("data", collect).resume();
  child.unref();
  if (signal !== null) {
    throw new ConnectionError(`The shell of a script was ended by ${signal}.`, { retryable: true });
  }
  return Buffer.concat(chunks).toString();
}

function unheldDelay(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, delayMs).unref();
  });
}
