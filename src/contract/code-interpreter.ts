import type { CallOptions } from "./call-options.ts";

/** A namespace in which code runs: what one run defines, the next one in the same context sees. */
export interface InterpreterContext {
  readonly id: string;
  readonly language: "python";
  /** Directory in which its interpreter was started. */
  readonly cwd: string;
  readonly createdAt: Date;
  /** Whether its interpreter process runs. */
  readonly active: boolean;
}

export interface CreateContextOptions extends CallOptions {
  /** Directory of the sandbox: absolute, or relative to the backend's `workDir`, which is the default. */
  readonly cwd?: string | undefined;
  /** Added to the environment of every run in this context, as long as this backend object lives. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** An exception that ended the code. */
export interface CodeError {
  /** Its class, such as `ValueError`. */
  readonly name: string;
  /** Its message. */
  readonly value: string;
  readonly traceback: string;
}

/** The value of the last line, when that is an expression whose value is not `None`. */
export interface CodeOutput {
  /** As Python's `repr` shows it. */
  readonly text: string;
  /** Other forms by MIME type, such as `text/html` of a table; binary ones (`image/png`) in base64. */
  readonly data: Readonly<Record<string, string>>;
}

/** One series, bar, slice or box of a chart, or one chart of a composite one. A field that it does not have is undefined. */
export interface ChartElement {
  readonly label?: string | undefined;
  /** Of lines and scatters: x and y, each a number or, for dates and names, text. */
  readonly points?: readonly (readonly [number | string, number | string])[] | undefined;
  /** Of a bar: its group and its value. */
  readonly group?: string | undefined;
  readonly value?: number | undefined;
  /** Of a slice of a pie: degrees. */
  readonly angle?: number | undefined;
  readonly radius?: number | undefined;
  /** Of a box. */
  readonly min?: number | undefined;
  readonly firstQuartile?: number | undefined;
  readonly median?: number | undefined;
  readonly thirdQuartile?: number | undefined;
  readonly max?: number | undefined;
  readonly outliers?: readonly number[] | undefined;
  /** Of a composite chart: the chart that this is. */
  readonly chart?: Omit<Chart, "png"> | undefined;
}

/** A figure of matplotlib. */
export interface Chart {
  readonly type:
    | "line"
    | "scatter"
    | "bar"
    | "pie"
    | "box_and_whisker"
    | "composite_chart"
    | "unknown";
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly elements: readonly ChartElement[];
  readonly png: Uint8Array;
}

export interface RunCodeOptions extends CallOptions {
  /** Where the code runs. Default: a context that this backend object makes at its first run, and removes when it is disposed of. */
  readonly context?: { readonly id: string } | undefined;
  /** Default, and all there is: `python`. */
  readonly language?: "python" | undefined;
  /** Added to the environment for this run. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Called with each piece of standard output, in order; a character is never cut in two. What it throws interrupts the code and rejects the call. */
  readonly onStdout?: ((text: string) => void) | undefined;
  readonly onStderr?: ((text: string) => void) | undefined;
  /** Called with the exception that ended the code, before the call resolves. */
  readonly onError?: ((error: CodeError) => void) | undefined;
  /** Milliseconds until the code is interrupted, and its interpreter killed when it does not yield. Default: 120 000. */
  readonly timeoutMs?: number | undefined;
  /** Bytes of each stream that are kept in the host's memory; above it the head and the tail are. Default: 64 MiB. */
  readonly maxOutputBytes?: number | undefined;
}

/** How a run of code ended. */
export interface CodeResult {
  readonly stdout: string;
  readonly stderr: string;
  /** True when more than `maxOutputBytes` came on a stream, so that its middle is missing here. */
  readonly truncated: boolean;
  /** The exception that ended the code; undefined when it ran to its end. */
  readonly error: CodeError | undefined;
  readonly results: readonly CodeOutput[];
  /** The figures of matplotlib that the code has shown, and those that it left open. */
  readonly charts: readonly Chart[];
  readonly durationMs: number;
}

/** Runs code in an interpreter of the sandbox that keeps its variables. Needs `python3` in the sandbox. */
export interface CodeInterpreter {
  /**
   * @throws {@link UnsupportedOperationError} without `python3` in the sandbox.
   * @throws {@link WorkingDirectoryNotFoundError}
   */
  createContext(options?: CreateContextOptions): Promise<InterpreterContext>;
  /** All contexts of the sandbox but the server's own default one. */
  listContexts(options?: CallOptions): Promise<InterpreterContext[]>;
  /** Ends a context and what runs in it. One that is gone is fine. */
  deleteContext(context: { readonly id: string }, options?: CallOptions): Promise<void>;
  /**
   * Runs code to its end, after what was asked of the same context before. An exception of the code is in the result's `error`;
   * the call rejects when the code could not run, or when nobody knows how it ended.
   *
   * @throws {@link CommandTimeoutError} after `timeoutMs`, when it is proven that the code has ended.
   * @throws {@link CompletionUnknownError} when nobody can know how it ended: its interpreter is gone, or out of reach.
   * @throws {@link ContextNotFoundError}, {@link OutputLimitError}
   */
  runCode(code: string, options?: RunCodeOptions): Promise<CodeResult>;
  /**
   * Interrupts what runs in a context, as Ctrl-C does: the code gets `KeyboardInterrupt`, also when another process runs it.
   * Resolves with the number of runs that were interrupted. Default: this object's own context.
   */
  interrupt(context?: { readonly id: string }, options?: CallOptions): Promise<number>;
}
