import { findFolder } from "./folder-fragment.ts";
import { inKnownShell, shellText } from "./shell-text.ts";

/** Removes files in the private folder, and of the client's polls, in one go. */
export function forgetScript(
  patterns: readonly string[],
  pollFile: string,
  shellPath: string,
): string {
  const script = shellText(`
    exec 2>/dev/null
    ${findFolder}
    [ -n "$d" ] && cd "$d" && exec rm -f ${patterns.join(" ")} "${pollFile}"
  `);
  return inKnownShell(shellPath, script);
}
