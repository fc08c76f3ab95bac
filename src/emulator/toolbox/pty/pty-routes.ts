import type {
  PtyCreateResponse,
  PtyListResponse,
  PtySessionInfo,
} from "@daytona/toolbox-api-client";
import { sendJson } from "../../http/send.ts";
import { parseDaemonBody } from "../parse-daemon-body.ts";
import type { ToolboxCall, ToolboxRoutes } from "../toolbox-call.ts";
import { addPtyConnectRoutes } from "./connect-routes.ts";
import { refuseId, sendPtyError } from "./pty-answers.ts";
import { createSchema, ptyRequest, resizeSchema, sizeComplaint } from "./pty-request.ts";
import { PtyStartFailed } from "./pty-session.ts";
import { PtySessions } from "./pty-sessions.ts";

/** PTYs: their making, list, size and end, and the WebSockets that show them. Errors are `{"error": "…"}`. */
export function addPtyRoutes(routes: ToolboxRoutes, { newer }: { readonly newer: boolean }): void {
  routes.add("GET", "/process/pty", { handle: list });
  routes.add("POST", "/process/pty", { handle: create });
  routes.add("GET", "/process/pty/{sessionId}", { handle: show });
  routes.add("DELETE", "/process/pty/{sessionId}", { handle: remove });
  routes.add("POST", "/process/pty/{sessionId}/resize", { handle: resize });
  addPtyConnectRoutes(routes, { newer });
}

function list(call: ToolboxCall): void {
  const sessions = call.daemon.memory(PtySessions).list();
  const body = { sessions: sessions.map(({ info }) => info) } satisfies PtyListResponse;
  sendJson(call.response, 200, body);
}

async function create(call: ToolboxCall): Promise<void> {
  const body = await parseDaemonBody(call, createSchema, "PTYCreateRequest");
  if (!body.success) {
    sendPtyError(call, 400, body.complaint);
    return;
  }
  if (refuseId(call, body.data.id ?? "")) return;
  const request = ptyRequest(call, body.data);
  if ("complaint" in request) {
    sendPtyError(call, 400, request.complaint);
    return;
  }
  const sessions = call.daemon.memory(PtySessions);
  const session = sessions.add(call, request);
  try {
    if (!request.lazyStart) await sessions.start(call, session);
  } catch (error) {
    sessions.forget(session);
    if (!(error instanceof PtyStartFailed)) throw error;
    sendPtyError(call, 500, "failed to start PTY session");
    return;
  }
  sendJson(call.response, 201, { sessionId: session.id } satisfies PtyCreateResponse);
}

function show(call: ToolboxCall): void {
  const session = call.daemon.memory(PtySessions).find(call.params.sessionId ?? "");
  if (session) sendJson(call.response, 200, session.info satisfies PtySessionInfo);
  else sendPtyError(call, 404, "PTY session not found");
}

function remove(call: ToolboxCall): void {
  const sessions = call.daemon.memory(PtySessions);
  const session = sessions.find(call.params.sessionId ?? "");
  if (!session) {
    sendPtyError(call, 404, "PTY session not found");
    return;
  }
  sessions.forget(session);
  session.kill();
  sendJson(call.response, 200, { message: "PTY session deleted" });
}

async function resize(call: ToolboxCall): Promise<void> {
  const body = await parseDaemonBody(call, resizeSchema, "PTYResizeRequest");
  const { sessionId = "" } = call.params;
  if (!body.success) {
    sendPtyError(call, 400, body.complaint);
    return;
  }
  const size = { cols: body.data.cols ?? 0, rows: body.data.rows ?? 0 };
  const complaint = sizeComplaint(size);
  if (complaint !== undefined) {
    sendPtyError(call, 400, complaint);
    return;
  }
  const session = call.daemon.memory(PtySessions).find(sessionId);
  if (!session) {
    sendPtyError(call, 410, `PTY session ${sessionId} not found`);
    return;
  }
  if (call.faults.strikeDaemon("pty-resize", call.subject)) {
    sendJson(call.response, 200, { ...session.info, ...size } satisfies PtySessionInfo);
    return;
  }
  try {
    await session.resize(size.rows, size.cols);
  } catch (error) {
    sendPtyError(call, 500, (error as Error).message);
    return;
  }
  sendJson(call.response, 200, session.info satisfies PtySessionInfo);
}
