import type { ScriptAnswer } from "./answer.ts";
import { type PolledRecord, pollScript } from "./poll-script.ts";
import { folderOf, type RecordReport, readReports, reportOfNothing } from "./record-report.ts";
import type { Question, SandboxRequests } from "./sandbox-requests.ts";

/** A report, and where the record's files are. */
export interface FollowedReport {
  readonly report: RecordReport;
  readonly folder: string;
}

interface Waiter {
  readonly watch: PolledRecord;
  readonly resolve: (report: FollowedReport) => void;
  readonly reject: (error: unknown) => void;
}

interface Poll {
  readonly waiters: readonly Waiter[];
  readonly controller: AbortController;
}

/** The first line after a pause is reported at once; a busy command does not cost a request for each line. */
const gatherMs = 250;

/** More would make the script longer than one argument may be. */
const mostRecords = 500;

/**
 * Follows all commands of one client in one sandbox by one poll at a time. A command that joins starts a new poll, and the poll
 * before it ends by itself in the sandbox.
 */
export class CommandFollower {
  readonly #requests: SandboxRequests;
  readonly #pollFile: string;
  readonly #pollSeconds: number;
  readonly #shellPath: string;
  readonly #waiters = new Set<Waiter>();
  readonly #polls = new Set<Poll>();
  #current: Poll | undefined;
  #scheduled = false;
  #polled = false;
  #lastNewsAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    requests: SandboxRequests,
    options: {
      readonly pollFile: string;
      readonly pollSeconds: number;
      readonly shellPath: string;
    },
  ) {
    this.#requests = requests;
    this.#pollFile = options.pollFile;
    this.#pollSeconds = options.pollSeconds;
    this.#shellPath = options.shellPath;
  }

  /** Whether a poll file may be in the sandbox. */
  get polled(): boolean {
    return this.#polled;
  }

  /** Resolves with the next news of a record: its end, new output if it streams, or more output than its limit. */
  next(watch: PolledRecord, signal: AbortSignal): Promise<FollowedReport> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const leave = (): void => {
        this.#waiters.delete(waiter);
        signal.removeEventListener("abort", onAbort);
        this.#schedule();
      };
      const onAbort = (): void => {
        leave();
        reject(signal.reason as Error);
      };
      const waiter: Waiter = {
        watch,
        resolve: (report) => {
          leave();
          resolve(report);
        },
        reject: (error) => {
          leave();
          reject(error as Error);
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiters.add(waiter);
      this.#schedule();
    });
  }

  /** Later, so that those who had news in one poll and those who join at one moment share the next one. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pollIfNeeded();
    });
  }

  #pollIfNeeded(): void {
    const waiters = [...this.#waiters].slice(0, mostRecords);
    if (waiters.length === 0) {
      // Nobody listens any more.
      for (const poll of this.#polls) poll.controller.abort();
      return;
    }
    if (waiters.every((waiter) => this.#current?.waiters.includes(waiter))) return;
    const poll: Poll = { waiters, controller: new AbortController() };
    this.#current = poll;
    this.#polls.add(poll);
    this.#polled = true;
    void this.#run(poll);
  }

  async #run(poll: Poll): Promise<void> {
    try {
      const records = poll.waiters.map(({ watch }) => watch);
      const question: Question<FollowedReport[]> = {
        script: (tag) =>
          pollScript({
            tag,
            pollFile: this.#pollFile,
            seconds: this.#pollSeconds,
            eager: performance.now() - this.#lastNewsAtMs > gatherMs,
            records,
            shellPath: this.#shellPath,
          }),
        read: (answer) => readFollowed(answer, records.length),
      };
      this.#deliver(poll, await this.#requests.askUntilAnswered(question, poll.controller.signal));
    } catch (error) {
      // A poll that another one has replaced, or that nobody wants, has nobody to tell.
      if (this.#current === poll && !poll.controller.signal.aborted) this.#fail(poll, error);
    } finally {
      this.#polls.delete(poll);
      if (this.#current === poll) this.#current = undefined;
      this.#schedule();
    }
  }

  #deliver(poll: Poll, reports: readonly FollowedReport[]): void {
    for (const followed of reports) {
      const waiter = poll.waiters[followed.report.index];
      if (waiter === undefined || !isNews(followed.report, waiter.watch)) continue;
      this.#lastNewsAtMs = performance.now();
      waiter.resolve(followed);
    }
  }

  #fail(poll: Poll, error: unknown): void {
    for (const waiter of poll.waiters) waiter.reject(error);
  }
}

function readFollowed(answer: ScriptAnswer, records: number): FollowedReport[] | undefined {
  const folder = folderOf(answer);
  if (folder === undefined) {
    // Somebody removed the folder with the records of the commands.
    return Array.from({ length: records }, (_, index) => ({
      report: reportOfNothing(index),
      folder: "",
    }));
  }
  const reports = readReports(answer);
  if (reports?.length !== records) return undefined;
  return reports.map((report) => ({ report, folder }));
}

function isNews(report: RecordReport, watch: PolledRecord): boolean {
  const { stdout, stderr, state } = report;
  if (state !== "running") return true;
  if (stdout.sizeBytes + stderr.sizeBytes > watch.maxLogBytes) return true;
  if (!watch.streams) return false;
  return stdout.sizeBytes !== watch.stdoutOffset || stderr.sizeBytes !== watch.stderrOffset;
}
