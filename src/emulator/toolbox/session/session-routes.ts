import type { Command as CommandDto, Session as SessionDto } from "@daytona/toolbox-api-client";
import * as z from "zod/mini";
import type { EngineSandbox } from "../../../engine/engine-types.ts";
import { sendEmpty, sendJson } from "../../http/send.ts";
import { invalidBody, parseDaemonBody } from "../parse-daemon-body.ts";
import { badRequest, type ToolboxCall, type ToolboxRoutes } from "../toolbox-call.ts";
import { addSessionExecRoute } from "./exec-route.ts";
import { addSessionInputRoute } from "./input-route.ts";
import { addSessionLogRoutes } from "./log-routes.ts";
import type { Session } from "./session.ts";
import type { SessionCommand } from "./session-command.ts";
import { commandOf, entrypointSessionId, Sessions } from "./sessions.ts";

const createSchema = z.object({ sessionId: z.string().check(z.minLength(1)) });

/** Sessions, their commands, input and logs. */
export function addSessionRoutes(routes: ToolboxRoutes): void {
  routes.add("GET", "/process/session", { handle: list });
  routes.add("POST", "/process/session", { handle: create });
  routes.add("GET", "/process/session/entrypoint", {
    handle: (call) => show(call, entrypointSessionId),
  });
  routes.add("GET", "/process/session/{sessionId}", {
    handle: (call) => show(call, call.params.sessionId ?? ""),
  });
  routes.add("DELETE", "/process/session/{sessionId}", { handle: remove });
  routes.add("GET", "/process/session/{sessionId}/command/{commandId}", { handle: showCommand });
  addSessionExecRoute(routes);
  addSessionInputRoute(routes);
  addSessionLogRoutes(routes);
}

async function create(call: ToolboxCall): Promise<void> {
  const body = await parseDaemonBody(call, createSchema, "CreateSessionRequest");
  if (!body.success) throw invalidBody(body.complaint);
  const { sessionId } = body.data;
  if (sessionId === entrypointSessionId)
    throw badRequest("provided session ID is reserved and cannot be created/overridden");
  await call.daemon.memory(Sessions).create(call, sessionId);
  sendEmpty(call.response, 201);
}

async function list(call: ToolboxCall): Promise<void> {
  const sessions = call.daemon.memory(Sessions).list();
  const body = await Promise.all(sessions.map((session) => sessionDto(call.engine, session)));
  sendJson(call.response, 200, body);
}

async function show(call: ToolboxCall, id: string): Promise<void> {
  const session = await call.daemon.memory(Sessions).get(call, id);
  sendJson(call.response, 200, await sessionDto(call.engine, session));
}

async function remove(call: ToolboxCall): Promise<void> {
  const { sessionId = "" } = call.params;
  if (sessionId === entrypointSessionId) throw badRequest("can't delete entrypoint session");
  const sessions = call.daemon.memory(Sessions);
  await sessions.delete(await sessions.get(call, sessionId));
  sendEmpty(call.response, 204);
}

async function showCommand(call: ToolboxCall): Promise<void> {
  const { sessionId = "", commandId = "" } = call.params;
  const session = await call.daemon.memory(Sessions).get(call, sessionId);
  sendJson(call.response, 200, await commandDto(call.engine, commandOf(session, commandId)));
}

async function sessionDto(engine: EngineSandbox, session: Session): Promise<SessionDto> {
  // The real daemon keeps them in a map without order; their ids are random.
  const inNoOrder = [...session.commands.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  const commands = await Promise.all(inNoOrder.map((command) => commandDto(engine, command)));
  return { sessionId: session.id, commands };
}

async function commandDto(engine: EngineSandbox, command: SessionCommand): Promise<CommandDto> {
  const exitCode = await command.exitCode(engine);
  return { id: command.id, command: command.text, ...(exitCode === undefined ? {} : { exitCode }) };
}
