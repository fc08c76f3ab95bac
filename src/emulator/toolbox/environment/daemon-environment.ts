import type { EngineSandbox } from "../../../engine/engine-types.ts";

export interface EnvironmentChange {
  readonly set: Readonly<Record<string, string>>;
  readonly unset: readonly string[];
  /** Of the variables that are not set here, those whose value begins with this go too. */
  readonly unsetValuePrefix?: string | undefined;
}

/** What a daemon was told about its own environment, which its later processes inherit. Lost with the daemon. */
export class DaemonEnvironment {
  readonly #set = new Map<string, string>();
  readonly #unset = new Set<string>();

  /** @param original - What the sandbox's processes have without it. */
  change(
    { set, unset, unsetValuePrefix }: EnvironmentChange,
    original: Readonly<Record<string, string>>,
  ): void {
    for (const name of unset) this.#remove(name);
    if (unsetValuePrefix) {
      const now = Object.entries({ ...original, ...Object.fromEntries(this.#set) });
      for (const [name, value] of now)
        if (!Object.hasOwn(set, name) && value.startsWith(unsetValuePrefix)) this.#remove(name);
    }
    for (const [name, value] of Object.entries(set)) {
      this.#set.set(name, value);
      this.#unset.delete(name);
    }
  }

  /** The same sandbox, whose processes and terminals start in this environment. */
  applyTo(engine: EngineSandbox): EngineSandbox {
    if (this.#set.size === 0 && this.#unset.size === 0) return engine;
    const set = Object.fromEntries(this.#set);
    const unset = [...this.#unset].flatMap((name) => ["-u", name]);
    // A process gets the sandbox's environment and what is added; only a program in it can take something away.
    const argvOf = (argv: readonly string[]) =>
      unset.length > 0 ? ["env", ...unset, ...argv] : argv;
    const own: Pick<EngineSandbox, "spawn" | "openPty"> = {
      spawn: (argv, options = {}) =>
        engine.spawn(argvOf(argv), { ...options, env: { ...set, ...options.env } }),
      openPty: (options) =>
        engine.openPty({ ...options, argv: argvOf(options.argv), env: { ...set, ...options.env } }),
    };
    return new Proxy(engine, {
      get(target, name) {
        if (name === "spawn" || name === "openPty") return own[name];
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  #remove(name: string): void {
    this.#set.delete(name);
    this.#unset.add(name);
  }
}
