import type { SessionCommandLogsResponse } from "@daytona/toolbox-api-client";
import { sendBytes, sendJson } from "../../http/send.ts";
import { goText } from "../go-text.ts";
import type { ToolboxCall, ToolboxRoutes, UpgradeCall } from "../toolbox-call.ts";
import { followLog } from "./follow-log.ts";
import { separateLog, withoutMarkers } from "./log-markers.ts";
import { type OutputForm, outputForm } from "./sdk-version.ts";
import type { Session } from "./session.ts";
import type { SessionCommand } from "./session-command.ts";
import { readIfPresent } from "./session-files.ts";
import {
  commandOf,
  entrypointCommandId,
  entrypointSessionId,
  notFound,
  Sessions,
} from "./sessions.ts";

interface Found {
  readonly session: Session;
  readonly command: SessionCommand;
  readonly form: OutputForm;
}

export function addSessionLogRoutes(routes: ToolboxRoutes): void {
  routes.add("GET", "/process/session/entrypoint/logs", {
    handle: async (call) => sendLog(call, await entrypoint(call)),
    upgrade: async (call) => follow(call, await entrypoint(call)),
  });
  routes.add("GET", "/process/session/{sessionId}/command/{commandId}/logs", {
    handle: async (call) => sendLog(call, await asked(call)),
    upgrade: async (call) => follow(call, await asked(call)),
  });
}

async function asked(call: ToolboxCall): Promise<Found> {
  const { sessionId = "", commandId = "" } = call.params;
  const session = await call.daemon.memory(Sessions).get(call, sessionId);
  return { session, command: commandOf(session, commandId), form: outputForm(call.request) };
}

/** Its log is never combined. */
async function entrypoint(call: ToolboxCall): Promise<Found> {
  const session = await call.daemon.memory(Sessions).get(call, entrypointSessionId);
  const form = { combined: false, separated: outputForm(call.request).separated };
  return { session, command: commandOf(session, entrypointCommandId), form };
}

/** The log as it is now; `follow` means nothing without a WebSocket. */
async function sendLog({ engine, response }: ToolboxCall, { command, form }: Found): Promise<void> {
  const log = await readIfPresent(engine, command.logPath);
  if (!log) throw notFound(`open ${command.logPath}: no such file or directory`);
  if (!form.separated) {
    const bytes = form.combined ? withoutMarkers(log) : log;
    sendBytes(response, 200, bytes, "text/plain; charset=utf-8");
    return;
  }
  const { stdout, stderr } = separateLog(log);
  sendJson(response, 200, {
    output: goText(log),
    stdout: goText(stdout),
    stderr: goText(stderr),
  } satisfies SessionCommandLogsResponse);
}

async function follow(call: UpgradeCall, { session, command, form }: Found): Promise<void> {
  const log = await readIfPresent(call.engine, command.logPath, 0, 0);
  if (!log) throw notFound(`open ${command.logPath}: no such file or directory`);
  await followLog(call, session, command, form);
}
