import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { SessionExecuteResponse } from "@daytona/toolbox-api-client";
import * as z from "zod/mini";
import type { DaemonEffect } from "../../faults/fault-types.ts";
import { DaemonError } from "../../http/daemon-error.ts";
import { sendJson } from "../../http/send.ts";
import { goText } from "../go-text.ts";
import { parseDaemonBody } from "../parse-daemon-body.ts";
import { badRequest, type ToolboxCall, type ToolboxRoutes } from "../toolbox-call.ts";
import type { CommandInput } from "./command-wrapper.ts";
import { giveCommand } from "./give-command.ts";
import { separateLog, withoutMarkers } from "./log-markers.ts";
import { outputForm } from "./sdk-version.ts";
import type { Session } from "./session.ts";
import { SessionCommand } from "./session-command.ts";
import { readIfPresent } from "./session-files.ts";
import { entrypointSessionId, Sessions } from "./sessions.ts";

const execSchema = z.object({
  command: z.string(),
  runAsync: z.nullish(z.boolean()),
  async: z.nullish(z.boolean()),
  suppressInputEcho: z.nullish(z.boolean()),
});

type ExecBody = z.infer<typeof execSchema>;
type SessionFault = Extract<DaemonEffect, { type: "session-exec" }>;
type SessionAnswer = {
  readonly [Field in keyof SessionExecuteResponse]-?: SessionExecuteResponse[Field] | null;
};

const exitCodePollMs = 50;

export function addSessionExecRoute(routes: ToolboxRoutes): void {
  routes.add("POST", "/process/session/{sessionId}/exec", { handle: exec });
}

async function exec(call: ToolboxCall): Promise<void> {
  const { sessionId = "" } = call.params;
  if (sessionId === entrypointSessionId)
    throw badRequest("can't execute command in entrypoint session");
  const body = await parseExec(call);
  const isAsync = body.runAsync === true || body.async === true;
  const session = call.daemon.memory(Sessions).find(sessionId);
  // No DaemonError: the real daemon wraps these failures, and then takes them for unexpected ones.
  if (!session) throw new Error("failed to execute command: not found: session not found");
  const command = await start(call, session, body, isAsync);
  if (isAsync) {
    const nothingYet = { output: null, stdout: null, stderr: null, exitCode: null };
    sendJson(call.response, 202, { cmdId: command.id, ...nothingYet } satisfies SessionAnswer);
    return;
  }
  sendJson(call.response, 200, await resultOf(call, session, command));
}

async function parseExec(call: ToolboxCall): Promise<ExecBody> {
  const body = await parseDaemonBody(call, execSchema, "SessionExecuteRequest");
  const complaint = body.success
    ? "command cannot be empty"
    : `invalid request body: ${body.complaint}`;
  if (body.success && body.data.command.trim() !== "") return body.data;
  throw new DaemonError({
    status: 400,
    code: "BAD_REQUEST",
    message: complaint,
    emptyInOlder: true,
  });
}

async function start(
  call: ToolboxCall,
  session: Session,
  body: ExecBody,
  isAsync: boolean,
): Promise<SessionCommand> {
  const fault = call.faults.strikeDaemon("session-exec", call.subject);
  const input = inputOf(call, isAsync);
  const command = new SessionCommand(session.directory, {
    id: randomUUID(),
    text: body.command,
    suppressInputEcho: body.suppressInputEcho === true,
    inputEndsAfterFirst: input === "ends-after-first",
  });
  const options =
    fault?.mode === "not-run"
      ? fault.mode
      : { input, reportsExitCode: fault?.mode !== "no-exit-code" };
  try {
    await giveCommand(call.engine, session, command, options);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`failed to execute command: bad request: ${message}`, { cause: error });
  }
  if (fault?.mode === "shell-dies") killLater(session, fault);
  return command;
}

function inputOf(call: ToolboxCall, isAsync: boolean): CommandInput {
  const mode = call.faults.strikeDaemon("session-input", call.subject)?.mode;
  if (isAsync) return mode === "ends-after-first" ? mode : "open";
  return mode === "left-open" ? "open" : "empty";
}

function killLater(session: Session, { afterMs = 0 }: SessionFault): void {
  const timer = setTimeout(() => session.killShell(), afterMs);
  session.cancelled.addEventListener("abort", () => clearTimeout(timer), { once: true });
}

/** Waits for the exit code for as long as it takes: for ever when the command has ended the shell. */
async function resultOf(
  call: ToolboxCall,
  session: Session,
  command: SessionCommand,
): Promise<SessionAnswer> {
  const exitCode = await exitCodeOf(call, session, command);
  const log = (await readIfPresent(call.engine, command.logPath)) ?? Buffer.alloc(0);
  const { combined, separated } = outputForm(call.request);
  const outputs = separated ? separateLog(log) : undefined;
  return {
    cmdId: command.id,
    output: goText(combined ? withoutMarkers(log) : log),
    stdout: outputs ? goText(outputs.stdout) : null,
    stderr: outputs ? goText(outputs.stderr) : null,
    exitCode,
  };
}

async function exitCodeOf(
  { engine }: ToolboxCall,
  session: Session,
  command: SessionCommand,
): Promise<number> {
  while (!session.cancelled.aborted) {
    const exitCode = await command.exitCode(engine);
    if (exitCode !== undefined) return exitCode;
    try {
      await delay(exitCodePollMs, undefined, { signal: session.cancelled });
    } catch (error) {
      if (!session.cancelled.aborted) throw error;
    }
  }
  throw new Error("failed to execute command: bad request: session cancelled");
}
