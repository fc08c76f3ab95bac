/** One question that is answered by measuring. */
export interface Benchmark {
  /** One line for the list. */
  readonly question: string;
  /** Measures and prints. */
  run(): Promise<void>;
}
