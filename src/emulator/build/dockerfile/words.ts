import { DockerfileError } from "./instruction.ts";

export type Variables = ReadonlyMap<string, string>;

/** Words between blanks; quotes and escapes keep a word together and stay in it. */
export function splitWords(text: string, escapeCharacter: string): string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index] ?? "";
    if (quote === "" && /\s/.test(character)) {
      if (word !== "") words.push(word);
      word = "";
      continue;
    }
    word += character;
    if (character === escapeCharacter && quote !== "'" && index + 1 < text.length) {
      index += 1;
      word += text[index];
    } else if (quote === "" && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = "";
  }
  if (word !== "") words.push(word);
  return words;
}

/**
 * What a word means: quotes and escapes taken away, variables put in (Docker's own small shell: `$X`, `${X}`, `${X:-word}`,
 * `${X:+word}`, `${X:?word}`).
 *
 * @throws DockerfileError for an unclosed quote or brace, and for another form of `${…}`.
 */
export function expandWord(word: string, variables: Variables, escapeCharacter: string): string {
  return new WordReader(word, variables, escapeCharacter).read();
}

class WordReader {
  readonly #text: string;
  readonly #variables: Variables;
  readonly #escapeCharacter: string;
  #index = 0;

  constructor(text: string, variables: Variables, escapeCharacter: string) {
    this.#text = text;
    this.#variables = variables;
    this.#escapeCharacter = escapeCharacter;
  }

  read(): string {
    let value = "";
    while (this.#index < this.#text.length) {
      const character = this.#next();
      if (character === "'") value += this.#singleQuoted();
      else if (character === '"') value += this.#doubleQuoted();
      else if (character === "$") value += this.#variable();
      else if (character === this.#escapeCharacter) value += this.#next();
      else value += character;
    }
    return value;
  }

  #next(): string {
    const character = this.#text[this.#index] ?? "";
    this.#index += 1;
    return character;
  }

  #singleQuoted(): string {
    const end = this.#text.indexOf("'", this.#index);
    if (end === -1) throw this.#unclosed("single-quoted string");
    const value = this.#text.slice(this.#index, end);
    this.#index = end + 1;
    return value;
  }

  #doubleQuoted(): string {
    let value = "";
    for (;;) {
      if (this.#index >= this.#text.length) throw this.#unclosed("double-quoted string");
      const character = this.#next();
      if (character === '"') return value;
      if (character === "$") value += this.#variable();
      else if (character === this.#escapeCharacter) {
        const following = this.#text[this.#index] ?? "";
        const isSpecial =
          following === '"' || following === "$" || following === this.#escapeCharacter;
        value += isSpecial ? this.#next() : character;
      } else value += character;
    }
  }

  #variable(): string {
    const rest = this.#text.slice(this.#index);
    const plain = /^(?:[A-Za-z_]\w*|\d|[@*#?])/.exec(rest);
    if (plain) {
      this.#index += plain[0].length;
      return this.#variables.get(plain[0]) ?? "";
    }
    if (!rest.startsWith("{")) return "$";
    const end = closingBrace(rest);
    if (end === -1) throw this.#unclosed("variable");
    this.#index += end + 1;
    return this.#braced(rest.slice(1, end));
  }

  #braced(inner: string): string {
    const [, name = "", colon = "", operator = "", word = ""] =
      /^([A-Za-z_]\w*)(?:(:?)([-+?])([\s\S]*))?$/.exec(inner) ?? [];
    if (name === "")
      throw new DockerfileError(`unsupported modifier in substitution: \${${inner}}`);
    const value = this.#variables.get(name);
    const isSet = value !== undefined && (colon === "" || value !== "");
    const expanded = () => expandWord(word, this.#variables, this.#escapeCharacter);
    if (operator === "-") return isSet ? value : expanded();
    if (operator === "+") return isSet ? expanded() : "";
    if (operator === "?" && !isSet)
      throw new DockerfileError(`${name}: ${expanded() || "is not allowed to be unset"}`);
    return value ?? "";
  }

  #unclosed(what: string): DockerfileError {
    return new DockerfileError(
      `unexpected end of statement while looking for the end of a ${what}`,
    );
  }
}

function closingBrace(text: string): number {
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    if (text[index] === "{") depth += 1;
    else if (text[index] === "}") {
      depth -= 1;
      if (depth === 0) return index;
    }
  }
  return -1;
}

/** `NAME=value` pairs, or the older `NAME the rest`, which only ENV and LABEL know. */
export function readPairs(
  text: string,
  escapeCharacter: string,
  expand: (word: string) => string,
): (readonly [string, string])[] {
  const words = splitWords(text, escapeCharacter);
  const [first = ""] = words;
  if (!first.includes("=")) {
    const [, name = "", value = ""] = /^(\S+)\s+([\s\S]*)$/.exec(text) ?? [];
    if (name === "") throw new DockerfileError(`${first} must have a value`);
    return [[expand(name), expand(value)]];
  }
  return words.map((word) => {
    const at = word.indexOf("=");
    if (at < 1)
      throw new DockerfileError(
        `can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
      );
    return [expand(word.slice(0, at)), expand(word.slice(at + 1))];
  });
}

/** The strings of the exec form, such as `["sleep", "infinity"]`; undefined when the text is not that. */
export function execForm(text: string): string[] | undefined {
  if (!text.trimStart().startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((item) => typeof item === "string")
      ? value
      : undefined;
  } catch {
    // Docker takes such a text for the shell form too.
    return undefined;
  }
}
