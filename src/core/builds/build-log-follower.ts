import { Deadline } from "../deadline.ts";
import { delay } from "../delay.ts";
import type { BuildLogSource } from "../transport.ts";

/** How long the rest of a log is waited for when the build is over. */
const finishMs = 5_000;
const againMs = 1_000;
const tailLines = 20;
const tailBytes = 8_192;

/**
 * Tells what a build logs, whole lines at a time, each once. The stream is a hint and never the outcome: it may be lost, end
 * early or never; then it is asked for again and what was told is skipped, and the end of the build is known from elsewhere.
 */
export class BuildLogFollower {
  readonly #source: BuildLogSource;
  readonly #onText: ((text: string) => void) | undefined;
  readonly #decoder = new TextDecoder();
  readonly #stopped = new AbortController();
  #following: Promise<void> = Promise.resolve();
  #toldBytes = 0;
  #openLine = "";
  #tail = "";
  #callbackError: { readonly error: unknown } | undefined;

  constructor(source: BuildLogSource, onText: ((text: string) => void) | undefined) {
    this.#source = source;
    this.#onText = onText;
  }

  /** Follows the log until `finish`. */
  start(signal: AbortSignal): void {
    this.#following = this.#follow(AbortSignal.any([signal, this.#stopped.signal]));
  }

  /**
   * The build is over: stops following and tells what is still to be told. Resolves with the end of the log.
   *
   * @throws what the caller's callback threw.
   */
  async finish(signal: AbortSignal): Promise<string> {
    this.#stopped.abort();
    await this.#following;
    if (!signal.aborted) {
      using deadline = Deadline.start("build log", finishMs, signal);
      await this.#read(false, deadline.signal).catch(() => {
        // What is missing of the log says nothing about the build.
      });
    }
    this.#tell(`${this.#decoder.decode()}`, true);
    if (this.#callbackError) throw this.#callbackError.error;
    return this.#tail.split("\n").slice(-tailLines).join("\n").trim();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#callbackError) {
      await this.#read(true, signal).catch(() => {
        // Nobody knows why; the log is asked for again, and the build goes on without it.
      });
      await delay(againMs, signal).catch(() => {});
    }
  }

  /** Reads the log from its beginning, and tells what has not been told. */
  async #read(follow: boolean, signal: AbortSignal): Promise<void> {
    const stream = await this.#source.open({ follow }, { signal });
    let atByte = 0;
    for await (const bytes of stream) {
      const known = Math.min(bytes.length, Math.max(0, this.#toldBytes - atByte));
      atByte += bytes.length;
      if (known === bytes.length) continue;
      this.#toldBytes += bytes.length - known;
      this.#tell(this.#decoder.decode(bytes.subarray(known), { stream: true }), false);
    }
  }

  #tell(text: string, isEnd: boolean): void {
    const all = this.#openLine + text;
    const end = isEnd ? all.length : all.lastIndexOf("\n") + 1;
    this.#openLine = all.slice(end);
    const whole = all.slice(0, end);
    if (whole === "") return;
    this.#tail = (this.#tail + whole).slice(-tailBytes);
    try {
      this.#onText?.(whole);
    } catch (error) {
      this.#callbackError ??= { error };
    }
  }
}

/** A message with the end of a build's log below it. */
export function withBuildLog(message: string, tail: string): string {
  return tail === "" ? message : `${message} The end of its build log:\n${tail}\n`;
}
