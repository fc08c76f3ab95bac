import type { Question } from "../../../core/commands/sandbox-requests.ts";
import { inKnownShell, shellText } from "../../../core/commands/shell-text.ts";
import { shellQuote } from "../../../core/shell-quote.ts";

/** Why an interpreter cannot be started: its directory, Python itself, or neither. */
export function startTroubleQuestion(
  shellPath: string,
  cwd: string,
): Question<"directory" | "python" | "none"> {
  return {
    script: (tag) => {
      const script = [
        `t=${tag} w=${shellQuote(cwd)}`,
        "exec 2>/dev/null",
        shellText(`
          trouble=none
          if [ ! -d "$w" ] || [ ! -x "$w" ]; then trouble=directory
          elif ! command -v python3 >/dev/null && ! command -v python >/dev/null; then trouble=python
          fi
          printf '%s\\n' "$t trouble $trouble" "$t end"
        `),
      ].join("\n");
      return inKnownShell(shellPath, script);
    },
    read: ({ sections }) => {
      const [word, trouble] = sections[0]?.words ?? [];
      const isKnown = trouble === "directory" || trouble === "python" || trouble === "none";
      return word === "trouble" && isKnown ? trouble : undefined;
    },
  };
}
