import { findFolder } from "./folder-fragment.ts";
import { inKnownShell, shellText } from "./shell-text.ts";

/** Removes the files of records, and of the client's polls, in one go. */
export function forgetScript(
  records: readonly string[],
  pollFile: string,
  shellPath: string,
): string {
  const files = records.map((record) => `"${record}".*`).join(" ");
  const script = shellText(`
    exec 2>/dev/null
    ${findFolder}
    [ -n "$d" ] && cd "$d" && exec rm -f ${files} "${pollFile}"
  `);
  return inKnownShell(shellPath, script);
}
