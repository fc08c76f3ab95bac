import { WorkingDirectoryNotFoundError } from "../../contract/command-errors.ts";
import { FileAccessError } from "../../contract/file-errors.ts";
import {
  ConfigError,
  ConnectionError,
  UnsupportedOperationError,
} from "../../contract/provider-errors.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import { delay } from "../delay.ts";
import { waitBeforeRetryMs } from "../retry.ts";
import { type CommandContext, mostGenerations, recordName } from "./command-context.ts";
import type { FollowedReport } from "./command-follower.ts";
import type { CommandRequest } from "./command-request.ts";
import { inlineInput } from "./sandbox-records.ts";
import { brokeOff, isAmbiguous } from "./sandbox-requests.ts";
import type { StartAnswer } from "./start-answer.ts";

/** A command that has begun, by this call or another one. */
export interface BegunCommand {
  readonly record: string;
  readonly alreadyStarted: boolean;
  /** Set when the first answer brought the end. */
  readonly ended: FollowedReport | undefined;
}

/**
 * Starts a command, never twice: after a lost answer the record's claim decides, and only a claim that was taken for good so that
 * the record never runs allows another attempt, under the name of the next generation.
 */
export class CommandStart {
  readonly #context: CommandContext;
  readonly #request: CommandRequest;
  readonly #processId: string;
  #generation = 0;
  readonly #starters = new Set<string>();
  #sent = false;
  #answersLost = false;
  #lastError: unknown;

  constructor(context: CommandContext, request: CommandRequest, processId: string) {
    this.#context = context;
    this.#request = request;
    this.#processId = processId;
  }

  get processId(): string {
    return this.#processId;
  }

  get record(): string {
    return recordName(this.#processId, this.#generation);
  }

  /** Whether a start of the record is on its way or was. */
  get sent(): boolean {
    return this.#sent;
  }

  /** Whether a request for the record may still arrive, so that its claim must stay. */
  get answersLost(): boolean {
    return this.#answersLost;
  }

  get lastError(): unknown {
    return this.#lastError;
  }

  /** Names of the requests that were sent for the command, as records know them. */
  get starters(): readonly string[] {
    return [...this.#starters];
  }

  /** Whether one of this call's requests took the claim. */
  owns(starter: string): boolean {
    return this.#starters.has(starter);
  }

  async begin(signal: AbortSignal): Promise<BegunCommand> {
    for (;;) {
      const begun = await this.#attempt(signal);
      if (begun !== undefined) return begun;
      await this.nextGeneration(signal);
    }
  }

  /** Goes on after a record that never runs. */
  async nextGeneration(signal: AbortSignal): Promise<void> {
    const generation = this.#generation + 1;
    if (generation >= mostGenerations) {
      throw new ConnectionError("The command could not be started: no start reached the sandbox.", {
        operation: "exec",
        sandboxId: this.#context.sandboxId,
        retryable: true,
        cause: this.#lastError,
      });
    }
    if (this.#lastError !== undefined) {
      await delay(waitBeforeRetryMs(this.#lastError, this.#generation), signal);
    }
    this.#generation = generation;
    this.#sent = false;
    this.#answersLost = false;
  }

  /** Undefined when it is proven that the record never runs. */
  async #attempt(signal: AbortSignal): Promise<BegunCommand | undefined> {
    await this.#uploadInput(signal);
    for (let attempt = 0; ; attempt++) {
      let lost = false;
      try {
        return this.#read(await this.#send(signal));
      } catch (error) {
        // Given up: it may arrive when nobody expects it any more.
        if (signal.aborted || isAmbiguous(error) || brokeOff(error)) this.#answersLost = true;
        signal.throwIfAborted();
        if (isAmbiguous(error)) {
          this.#lastError = error;
          lost = true;
        } else if (SandboxError.is(error) && error.code === "RATE_LIMITED") {
          // Refused, so nothing ran.
          this.#lastError = error;
          await delay(waitBeforeRetryMs(error, attempt), signal);
        } else throw error;
      }
      if (lost) return this.#resolve(signal);
    }
  }

  async #send(signal: AbortSignal): Promise<StartAnswer> {
    const { timing, acknowledgements, requests, questions } = this.#context;
    const isAwaited =
      this.#request.kind === "spawn" ||
      this.#request.feeds === true ||
      this.#request.onStdout !== undefined ||
      this.#request.onStderr !== undefined;
    const unneeded = acknowledgements.takeForStart();
    const question = questions.start(this.#request, {
      record: this.record,
      waitSeconds:
        this.#request.firstAnswerSeconds ??
        (isAwaited ? timing.streamingFirstAnswerSeconds : timing.firstAnswerSeconds),
      unneeded,
      sweep: this.#context.takeSweep(),
      onName: (starter) => this.#starters.add(starter),
    });
    this.#sent = true;
    try {
      const answer = await requests.ask(question, signal);
      if (answer.kind !== "begun" && answer.kind !== "ended") acknowledgements.putBack(unneeded);
      return answer;
    } catch (error) {
      acknowledgements.putBack(unneeded);
      throw error;
    }
  }

  #read(answer: StartAnswer): BegunCommand | undefined {
    const { record } = this;
    switch (answer.kind) {
      case "begun":
        return { record, alreadyStarted: false, ended: undefined };
      case "ended":
        return { record, alreadyStarted: false, ended: answer };
      case "taken":
        return { record, alreadyStarted: !answer.byThisStart, ended: undefined };
      case "burned":
        return undefined;
      case "no-working-directory":
        throw new WorkingDirectoryNotFoundError(
          `The working directory ${this.#request.cwd} does not exist or is not a directory.`,
          { operation: "exec", sandboxId: this.#context.sandboxId, cwd: this.#request.cwd },
        );
      case "no-user":
        throw new ConfigError(
          `\`user\`: expected a user of the sandbox; there is none called ${this.#request.user}. The command did not run.`,
          { operation: "exec", sandboxId: this.#context.sandboxId, path: "user" },
        );
      case "no-user-switch":
        throw new UnsupportedOperationError(
          `This sandbox offers no way to run a command as ${this.#request.user}: its own user is not root, and "sudo -n" refuses. The command did not run.`,
          { operation: "exec", sandboxId: this.#context.sandboxId },
        );
      case "not-written":
        throw new FileAccessError(
          `The command could not be written to the sandbox and did not run. ${answer.message}`.trim(),
          {
            operation: "exec",
            sandboxId: this.#context.sandboxId,
            path: "~/.sandbox-backend/run",
            reason: answer.noSpace ? "no-space" : "other",
          },
        );
    }
  }

  /** Finds out what became of a start whose answer was lost, and keeps it from beginning if it has not. */
  async #resolve(signal: AbortSignal): Promise<BegunCommand | undefined> {
    const { requests, questions } = this.#context;
    const settled = await requests.askUntilAnswered(questions.resolve(this.record, false), signal);
    if (settled.report.state === "burned") return undefined;
    return { record: this.record, alreadyStarted: !this.owns(settled.starter), ended: undefined };
  }

  async #uploadInput(signal: AbortSignal): Promise<void> {
    const { stdin } = this.#request;
    if (stdin === undefined || inlineInput(stdin) !== undefined) return;
    const { requests, questions } = this.#context;
    const folder = await requests.askUntilAnswered(questions.prepare(), signal);
    await requests.uploadUntilDone(`${folder}/${this.record}.in`, stdin, signal);
  }
}
