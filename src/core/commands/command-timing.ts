/** How long the runner of commands waits for what. */
export interface CommandTiming {
  /** Seconds that a start waits in the sandbox for the end of its command. */
  readonly firstAnswerSeconds: number;
  /** The same when somebody waits for output meanwhile. */
  readonly streamingFirstAnswerSeconds: number;
  /** Seconds that a poll waits in the sandbox for news: less than any proxy's idle limit. */
  readonly pollSeconds: number;
  /** Milliseconds after which one request is given up. */
  readonly requestTimeoutMs: number;
  readonly killRequestTimeoutMs: number;
  /** Milliseconds that may pass until the end of a command that ran too long is proven. */
  readonly killTimeoutMs: number;
  /** The same for a command that its caller gave up. */
  readonly abortTimeoutMs: number;
  /** Seconds between SIGTERM and SIGKILL. */
  readonly killGraceSeconds: number;
  /** Milliseconds after which a command that took its claim and did not begin is kept from it. */
  readonly startingTimeoutMs: number;
}

export const defaultCommandTiming: CommandTiming = {
  firstAnswerSeconds: 4,
  streamingFirstAnswerSeconds: 0.2,
  pollSeconds: 15,
  requestTimeoutMs: 30_000,
  killRequestTimeoutMs: 10_000,
  killTimeoutMs: 25_000,
  abortTimeoutMs: 10_000,
  killGraceSeconds: 2,
  startingTimeoutMs: 10_000,
};
