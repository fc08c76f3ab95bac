import { posix } from "node:path";
import { SANDBOX_PATH } from "../../engine/isolation/environment.ts";
import { DockerfileError, type Instruction } from "./dockerfile/instruction.ts";
import { execForm, expandWord, readPairs, splitWords } from "./dockerfile/words.ts";
import type { ImageConfig } from "./image-config.ts";

const defaultShell: readonly string[] = ["/bin/sh", "-c"];

/** What the instructions of one stage have set so far. */
export class Stage {
  readonly #escapeCharacter: string;
  readonly #globalArguments: ReadonlyMap<string, string>;
  readonly #arguments = new Map<string, string>();
  readonly env: Map<string, string>;
  shell = defaultShell;
  workDir: string | undefined;
  user: string | undefined;

  constructor(
    escapeCharacter: string,
    globalArguments: ReadonlyMap<string, string>,
    base: { readonly config: ImageConfig; readonly shell: readonly string[] } | undefined,
  ) {
    this.#escapeCharacter = escapeCharacter;
    this.#globalArguments = globalArguments;
    this.env = new Map(Object.entries(base?.config.env ?? {}));
    this.workDir = base?.config.workDir;
    this.user = base?.config.user;
    this.shell = base?.shell ?? defaultShell;
  }

  get config(): ImageConfig {
    return {
      env: Object.fromEntries(this.env),
      workDir: this.workDir,
      user: this.user,
    };
  }

  /** What a program of the build finds in its environment: an ENV hides an ARG of its name. */
  get programEnvironment(): Record<string, string> {
    return { ...Object.fromEntries(this.#arguments), ...Object.fromEntries(this.env) };
  }

  /** An instruction that changes no file. False: it is not one of these. */
  apply({ keyword, rest }: Instruction): boolean {
    switch (keyword) {
      case "ENV":
        this.#setEnvironment(rest);
        return true;
      case "ARG":
        this.#declareArguments(rest);
        return true;
      case "USER":
        this.user = this.expand(rest);
        return true;
      case "SHELL":
        this.shell = this.#mustBeExecForm(rest, "SHELL");
        return true;
      // Daytona reads the entry point from the text, and acts on none of the others.
      case "ENTRYPOINT":
      case "CMD":
      case "LABEL":
      case "MAINTAINER":
      case "EXPOSE":
      case "STOPSIGNAL":
      case "HEALTHCHECK":
      case "VOLUME":
      case "ONBUILD":
        return true;
      default:
        return false;
    }
  }

  expand(word: string): string {
    return expandWord(word, this.#variables(), this.#escapeCharacter);
  }

  words(text: string): string[] {
    return execForm(text) ?? splitWords(text, this.#escapeCharacter);
  }

  /** A path as the stage's working directory makes it absolute. A slash at its end stays. */
  absolute(path: string): string {
    return posix.join(path.startsWith("/") ? "/" : (this.workDir ?? "/"), path);
  }

  #variables(): ReadonlyMap<string, string> {
    return new Map([["PATH", SANDBOX_PATH], ...this.#arguments, ...this.env]);
  }

  #setEnvironment(text: string): void {
    // All values of one ENV are read before any of them is set.
    const variables = this.#variables();
    const pairs = readPairs(text, this.#escapeCharacter, (word) =>
      expandWord(word, variables, this.#escapeCharacter),
    );
    for (const [name, value] of pairs) this.env.set(name, value);
  }

  #declareArguments(text: string): void {
    for (const word of splitWords(text, this.#escapeCharacter)) {
      const at = word.indexOf("=");
      const name = at === -1 ? word : word.slice(0, at);
      const value = at === -1 ? this.#globalArguments.get(name) : this.expand(word.slice(at + 1));
      if (value !== undefined) this.#arguments.set(name, value);
    }
  }

  #mustBeExecForm(text: string, keyword: string): readonly string[] {
    const words = execForm(text);
    if (!words || words.length === 0)
      throw new DockerfileError(`${keyword} requires the arguments to be in JSON form`);
    return words;
  }
}
