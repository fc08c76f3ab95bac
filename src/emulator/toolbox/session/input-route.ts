import * as z from "zod/mini";
import type { EngineSandbox } from "../../../engine/engine-types.ts";
import { DaemonError } from "../../http/daemon-error.ts";
import { sendEmpty } from "../../http/send.ts";
import { invalidBody, parseDaemonBody } from "../parse-daemon-body.ts";
import { badRequest, type ToolboxCall, type ToolboxRoutes } from "../toolbox-call.ts";
import { stdoutMarker } from "./log-markers.ts";
import type { SessionCommand } from "./session-command.ts";
import { commandOf, entrypointSessionId, Sessions } from "./sessions.ts";

const inputSchema = z.object({ data: z.string().check(z.minLength(1)) });

// $0 is the FIFO, whose opening waits until the command reads, however long that takes; $1 the log; $2 how many bytes of
// our input go to the log first, so that they stand there before what the command makes of them.
const writeInput = `
[ -p "$0" ] && exec 3>"$0" || exit 3
[ "$2" = 0 ] || [ ! -e "$1" ] || head -c "$2" >>"$1"
exec cat >&3
`;
const notOpened: readonly (number | null)[] = [2, 3];

export function addSessionInputRoute(routes: ToolboxRoutes): void {
  routes.add("POST", "/process/session/{sessionId}/command/{commandId}/input", { handle: input });
}

/** Writes to the command's standard input, with a newline at the end, and shows it in the log. */
async function input(call: ToolboxCall): Promise<void> {
  const { sessionId = "", commandId = "" } = call.params;
  if (sessionId === entrypointSessionId) throw badRequest("can't send input to entrypoint session");
  const body = await parseDaemonBody(call, inputSchema, "SessionSendInputRequest");
  if (!body.success) throw invalidBody(body.complaint);
  const { engine } = call;
  const session = await call.daemon.memory(Sessions).get(call, sessionId);
  const command = commandOf(session, commandId);
  if (command.knownExitCode !== undefined) throw alreadyCompleted(command.knownExitCode);
  const { data } = body.data;
  const bytes = Buffer.from(data.endsWith("\n") ? data : `${data}\n`);
  await write(engine, command, bytes);
  if (command.inputEndsAfterFirst)
    await engine.files.write(command.firstInputPath, Buffer.alloc(0));
  sendEmpty(call.response, 204);
}

async function write(engine: EngineSandbox, command: SessionCommand, bytes: Buffer): Promise<void> {
  const { inputPath, logPath, suppressInputEcho } = command;
  const echo = suppressInputEcho ? Buffer.alloc(0) : Buffer.concat([stdoutMarker, bytes]);
  const argv = ["/bin/sh", "-c", writeInput, inputPath, logPath, String(echo.length)];
  const child = await engine.spawn(argv);
  child.stdout.resume();
  child.stderr.resume();
  child.stdin.on("error", () => {});
  child.stdin.end(Buffer.concat([echo, bytes]));
  const { exitCode } = await child.exited;
  if (exitCode === 0) return;
  const reason = notOpened.includes(exitCode)
    ? `failed to open input pipe: open ${inputPath}: no such file or directory`
    : `failed to write to input pipe: write ${inputPath}: broken pipe`;
  throw new DaemonError({
    status: 500,
    code: "INTERNAL_SERVER_ERROR",
    message: `internal server error: ${reason}`,
  });
}

function alreadyCompleted(exitCode: number): DaemonError {
  return new DaemonError({
    status: 410,
    code: "COMMAND_ALREADY_COMPLETED",
    olderCode: "GONE",
    message: `gone: command has already completed with exit code ${exitCode}`,
  });
}
