import { buffer } from "node:stream/consumers";
import type { EngineSandbox } from "../../engine/engine-types.ts";
import { errorCode } from "./go-text.ts";

const listShells = `grep '^[^#]' /etc/shells || exit 1; printf '\\n=%s' "\${SHELL-}"`;
const preferredShells = ["/usr/bin/zsh", "/bin/zsh", "/usr/bin/bash", "/bin/bash"];

interface ChosenShell {
  readonly shell: string;
  /** What `/etc/shells` looked like. */
  readonly basis: string;
}

/** Remembers a sandbox's shell for as long as its `/etc/shells` does not change, which saves a process per command. */
export class ShellChoice {
  #chosen: ChosenShell | undefined;

  async shellOf(engine: EngineSandbox): Promise<string> {
    const basis = await shellsStamp(engine);
    if (this.#chosen?.basis !== basis) this.#chosen = { basis, shell: await daemonShell(engine) };
    return this.#chosen.shell;
  }
}

async function shellsStamp({ files }: EngineSandbox): Promise<string> {
  try {
    const { modifiedAt, sizeBytes } = await files.stat("/etc/shells");
    return `${modifiedAt.getTime()} ${sizeBytes}`;
  } catch (error) {
    // Without isolation the sandbox's files end at its folder, and `/etc` is the machine's.
    if (["ENOENT", "EACCES", "ENOTDIR"].includes(errorCode(error) ?? "")) return "unknown";
    throw error;
  }
}

/**
 * The shell that the daemon runs commands with: the first of zsh and bash that `/etc/shells` lists, else `$SHELL`, else
 * `sh` (Daytona v0.190 daemon).
 */
async function daemonShell(engine: EngineSandbox): Promise<string> {
  const probe = await engine.spawn(["/bin/sh", "-c", listShells]);
  probe.stdin.end();
  probe.stderr.resume();
  const [output, { exitCode }] = await Promise.all([buffer(probe.stdout), probe.exited]);
  if (exitCode !== 0) return "sh";
  const text = output.toString("utf8");
  const [shells = "", shellVariable] = text.split("\n=");
  const preferred = preferredShells.find((shell) => shells.includes(shell));
  return preferred ?? (shellVariable || "sh");
}
