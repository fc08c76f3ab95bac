import type { CallOptions } from "../../../contract/call-options.ts";
import type {
  CodeInterpreter,
  CodeResult,
  CreateContextOptions,
  InterpreterContext,
  RunCodeOptions,
} from "../../../contract/code-interpreter.ts";
import type { Load } from "../../../core/lazy/loaded-later.ts";

/** The interpreter of a backend whose code is loaded by the first call. */
export class LazyCodeInterpreter implements CodeInterpreter {
  readonly #load: Load<CodeInterpreter>;

  constructor(load: Load<CodeInterpreter>) {
    this.#load = load;
  }

  async runCode(code: string, options?: RunCodeOptions): Promise<CodeResult> {
    return (await this.#load()).runCode(code, options);
  }

  async interrupt(context?: { readonly id: string }, options?: CallOptions): Promise<number> {
    return (await this.#load()).interrupt(context, options);
  }

  async createContext(options?: CreateContextOptions): Promise<InterpreterContext> {
    return (await this.#load()).createContext(options);
  }

  async listContexts(options?: CallOptions): Promise<InterpreterContext[]> {
    return (await this.#load()).listContexts(options);
  }

  async deleteContext(context: { readonly id: string }, options?: CallOptions): Promise<void> {
    return (await this.#load()).deleteContext(context, options);
  }
}
