import { type Dockerfile, DockerfileError, type Heredoc, type Instruction } from "./instruction.ts";

const keywords = new Set([
  "ADD",
  "ARG",
  "CMD",
  "COPY",
  "ENTRYPOINT",
  "ENV",
  "EXPOSE",
  "FROM",
  "HEALTHCHECK",
  "LABEL",
  "MAINTAINER",
  "ONBUILD",
  "RUN",
  "SHELL",
  "STOPSIGNAL",
  "USER",
  "VOLUME",
  "WORKDIR",
]);
const withFlags = new Set(["ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"]);
const withHeredocs = new Set(["ADD", "COPY", "RUN"]);

/**
 * Reads a Dockerfile into its instructions (docs.docker.com/reference/dockerfile). What an instruction means is not looked at.
 *
 * @throws DockerfileError that names the line.
 */
export function parseDockerfile(text: string): Dockerfile {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const escapeCharacter = escapeDirective(lines);
  const instructions: Instruction[] = [];
  for (let index = 0; index < lines.length; ) {
    const first = lines[index] ?? "";
    if (isSkipped(first)) {
      index += 1;
      continue;
    }
    const line = index + 1;
    const joined = joinContinued(lines, index, escapeCharacter);
    const { keyword, rest } = splitKeyword(joined.text, line);
    const heredocs = readHeredocs(withHeredocs.has(keyword) ? joined.text : "", lines, joined.next);
    const flagged = withFlags.has(keyword) ? takeFlags(rest) : { flags: new Map(), rest };
    instructions.push({ keyword, ...flagged, heredocs: heredocs.found, line });
    index = heredocs.next;
  }
  if (instructions.length === 0) throw new DockerfileError("file with no instructions");
  return { instructions, escapeCharacter };
}

/** `# escape=` counts only among the comments of the form `# key=value` at the very top. */
function escapeDirective(lines: readonly string[]): string {
  for (const line of lines) {
    const directive = /^#\s*([A-Za-z][\w.-]*)\s*=\s*(.*?)\s*$/.exec(line);
    if (!directive) break;
    const [, name = "", value = ""] = directive;
    if (name.toLowerCase() !== "escape") continue;
    if (value !== "\\" && value !== "`")
      throw new DockerfileError(`invalid ESCAPE '${value}'. Must be ' or \\`, 1);
    return value;
  }
  return "\\";
}

function isSkipped(line: string): boolean {
  return /^\s*(#|$)/.test(line);
}

function joinContinued(
  lines: readonly string[],
  start: number,
  escapeCharacter: string,
): { readonly text: string; readonly next: number } {
  const continuation = escapeCharacter === "\\" ? /\\[ \t]*$/ : /`[ \t]*$/;
  let text = "";
  let index = start;
  for (; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    // Comments and empty lines inside a continued instruction do not end it.
    if (index > start && isSkipped(line)) continue;
    if (!continuation.test(line)) {
      text += line;
      index += 1;
      break;
    }
    text += line.replace(continuation, "");
  }
  return { text: text.trim(), next: index };
}

function splitKeyword(text: string, line: number): { keyword: string; rest: string } {
  const [, word = "", rest = ""] = /^(\S+)\s*([\s\S]*)$/.exec(text) ?? [];
  const keyword = word.toUpperCase();
  if (!keywords.has(keyword)) throw new DockerfileError(`unknown instruction: ${word}`, line);
  if (rest === "" && keyword !== "RUN" && keyword !== "CMD" && keyword !== "ENTRYPOINT")
    throw new DockerfileError(`${keyword} requires at least one argument`, line);
  return { keyword, rest };
}

function takeFlags(text: string): { flags: ReadonlyMap<string, string>; rest: string } {
  const flags = new Map<string, string>();
  let rest = text;
  for (;;) {
    const flag = /^--([a-z][\w-]*)(?:=(\S*))?(?:\s+|$)/.exec(rest);
    if (!flag) return { flags, rest };
    flags.set(flag[1] ?? "", flag[2] ?? "");
    rest = rest.slice(flag[0].length);
  }
}

/** The texts that an instruction announces by `<<NAME`, one below the other. */
function readHeredocs(
  text: string,
  lines: readonly string[],
  start: number,
): { readonly found: Heredoc[]; readonly next: number } {
  const found: Heredoc[] = [];
  let next = start;
  if (/^\S+\s+(?:--\S+\s+)*\[/.test(text)) return { found, next };
  for (const match of text.matchAll(heredocMark)) {
    const [, dash = "", quote = "", name = ""] = match;
    const content: string[] = [];
    for (; ; next += 1) {
      const line = lines[next];
      if (line === undefined) throw new DockerfileError(`unterminated heredoc: ${name}`, start);
      const stripped = dash === "" ? line : line.replace(/^\t+/, "");
      if (stripped === name) break;
      content.push(stripped);
    }
    next += 1;
    found.push({
      name,
      content: content.map((line) => `${line}\n`).join(""),
      expands: quote === "",
    });
  }
  return { found, next };
}

/** `<<NAME`, `<<-NAME`, `<<"NAME"`; not `<<<`, and no shift as in `$((1<<2))`. */
export const heredocMark = /(?<![<\w])<<(-?)(["']?)([A-Za-z_][\w.]*)\2(?=\s|$)/g;
