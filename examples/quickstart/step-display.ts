export interface FinishedStep {
  readonly title: string;
  readonly durationMs: number;
  /** Undefined where nobody counts them: the live service. */
  readonly requests: number | undefined;
}

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const frameMs = 80;

/** Shows one step after the other, with its details beneath it; moving on a terminal, plain lines elsewhere. */
export class StepDisplay {
  readonly #output: NodeJS.WriteStream;
  readonly #isLive: boolean;
  readonly #countRequests: () => number | undefined;
  readonly #finished: FinishedStep[] = [];

  constructor(output: NodeJS.WriteStream, countRequests: () => number | undefined) {
    this.#output = output;
    this.#isLive = output.isTTY === true;
    this.#countRequests = countRequests;
  }

  get finished(): readonly FinishedStep[] {
    return this.#finished;
  }

  heading(text: string): void {
    this.#output.write(`\n${this.#paint("1", text)}\n\n`);
  }

  note(text: string): void {
    this.#output.write(`${text}\n`);
  }

  /** Runs a step. `detail` shows a line beneath it; the last one stays. */
  async step<Value>(
    title: string,
    run: (detail: (text: string) => void) => Promise<Value>,
  ): Promise<Value> {
    const startedAtMs = performance.now();
    const requestsBefore = this.#countRequests();
    let shown = "";
    let frame = 0;
    const draw = (): void => {
      const width = (this.#output.columns ?? 100) - 1;
      const line = `  ${frames[frame++ % frames.length]} ${title}${shown === "" ? "" : `  ${shown}`}`;
      this.#output.write(`\r\u001b[2K${line.slice(0, width)}`);
    };
    const timer = this.#isLive ? setInterval(draw, frameMs) : undefined;
    try {
      const value = await run((text) => {
        shown = text;
      });
      const durationMs = performance.now() - startedAtMs;
      const requestsAfter = this.#countRequests();
      const requests =
        requestsAfter === undefined ? undefined : requestsAfter - (requestsBefore ?? 0);
      this.#finished.push({ title, durationMs, requests });
      this.#end(this.#paint("32", "✔"), title, this.#paint("2", formatDuration(durationMs)), shown);
      return value;
    } catch (error) {
      this.#end(this.#paint("31", "✘"), title, "", shown);
      throw error;
    } finally {
      clearInterval(timer);
    }
  }

  table(): void {
    const rows = this.#finished.map(({ title, durationMs, requests }) => [
      title,
      formatDuration(durationMs),
      requests === undefined ? "–" : String(requests),
    ]);
    const totalMs = this.#finished.reduce((sum, { durationMs }) => sum + durationMs, 0);
    const counted = this.#finished.map(({ requests }) => requests);
    const total = counted.includes(undefined)
      ? "–"
      : String(counted.reduce<number>((sum, count) => sum + (count ?? 0), 0));
    const all = [["Step", "Time", "Requests"], ...rows, ["Total", formatDuration(totalMs), total]];
    const widths = [0, 1, 2].map((column) =>
      Math.max(...all.map((row) => (row[column] ?? "").length)),
    );
    const [first = 0, second = 0, third = 0] = widths;
    const line = `  ${"─".repeat(first)}  ${"─".repeat(second)}  ${"─".repeat(third)}`;
    const format = ([step = "", time = "", requests = ""]: string[]): string =>
      `  ${step.padEnd(first)}  ${time.padStart(second)}  ${requests.padStart(third)}`;
    const lines = all.map(format);
    lines.splice(1, 0, line);
    lines.splice(lines.length - 1, 0, line);
    this.#output.write(`\n${lines.join("\n")}\n`);
  }

  #end(mark: string, title: string, time: string, detail: string): void {
    const start = this.#isLive ? "\r\u001b[2K" : "";
    const tail = detail === "" ? "" : `\n    ${this.#paint("2", detail)}`;
    this.#output.write(`${start}  ${mark} ${title}  ${time}${tail}\n`);
  }

  #paint(code: string, text: string): string {
    return this.#isLive ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}

function formatDuration(durationMs: number): string {
  return durationMs < 1000 ? `${Math.round(durationMs)} ms` : `${(durationMs / 1000).toFixed(1)} s`;
}
