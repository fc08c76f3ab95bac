import type { EngineSandbox } from "../../../engine/engine-types.ts";
import { type WrapperOptions, wrapCommand } from "./command-wrapper.ts";
import type { Session } from "./session.ts";
import type { SessionCommand } from "./session-command.ts";

/** Puts the command into the session, makes its files and hands it to the shell, behind whatever the shell still does. */
export async function giveCommand(
  engine: EngineSandbox,
  session: Session,
  command: SessionCommand,
  options: WrapperOptions | "not-run",
): Promise<void> {
  session.commands.set(command.id, command);
  await engine.files.makeDirectory(command.directory, { recursive: true });
  await engine.files.write(command.logPath, Buffer.alloc(0));
  await engine.files.write(command.scriptPath, Buffer.from(command.text), { mode: 0o600 });
  if (options !== "not-run") await session.write(wrapCommand(command, options));
}
