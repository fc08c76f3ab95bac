import type { IncomingMessage } from "node:http";
import { sendText } from "../../http/send.ts";
import type { ToolboxSocket } from "../daemon/toolbox-socket.ts";
import { sdkVersionProtocol } from "../session/sdk-version.ts";
import type { ToolboxCall, ToolboxRoutes, UpgradeCall } from "../toolbox-call.ts";
import { refuseId, sendPtyError } from "./pty-answers.ts";
import { type ConnectionFault, controlMessage, PtyClient } from "./pty-client.ts";
import { envsOfProtocols, type PtyRequest, ptyRequest } from "./pty-request.ts";
import { type PtySession, startComplaint } from "./pty-session.ts";
import { PtySessions } from "./pty-sessions.ts";

const exitControlProtocol = "X-Daytona-Pty-Exit-Control";
const longestInputBytes = 64 * 1024;

export function addPtyConnectRoutes(
  routes: ToolboxRoutes,
  { newer }: { readonly newer: boolean },
): void {
  routes.add("GET", "/process/pty/{sessionId}/connect", {
    handle: refusePlainRequest,
    upgrade: connect,
  });
  if (!newer) return;
  routes.add("GET", "/process/pty/create-connect", {
    handle: (call) => {
      if (requestOf(call)) refusePlainRequest(call);
    },
    upgrade: createAndConnect,
  });
}

/** What the daemon's WebSocket library says to a request that asks for none. */
function refusePlainRequest({ response }: ToolboxCall): void {
  response.setHeader("sec-websocket-version", "13");
  sendText(response, 400, "Bad Request\n");
}

async function connect(call: UpgradeCall): Promise<void> {
  const { sessionId = "" } = call.params;
  const connection = accept(call);
  const sessions = call.daemon.memory(PtySessions);
  const session = sessions.find(sessionId);
  const complaint = session
    ? await notRunning(call, session)
    : `PTY session ${sessionId} not found`;
  if (session && complaint === undefined) await serve(session, connection);
  else await refuse(connection, `Failed to connect to PTY session: ${complaint}`);
}

/** Starts a PTY that waits for its first client. Undefined: it runs. */
async function notRunning(call: ToolboxCall, session: PtySession): Promise<string | undefined> {
  try {
    await call.daemon.memory(PtySessions).start(call, session);
  } catch (error) {
    const complaint = startComplaint(error);
    if (complaint === undefined) throw error;
    return `failed to start PTY session: ${complaint}`;
  }
  if (session.isActive) return undefined;
  return `PTY session '${session.id}' has terminated and is no longer available`;
}

async function createAndConnect(call: UpgradeCall): Promise<void> {
  const request = requestOf(call);
  if (!request) return;
  const connection = accept(call);
  const sessions = call.daemon.memory(PtySessions);
  const session = sessions.add(call, request);
  try {
    await sessions.start(call, session);
  } catch (error) {
    sessions.forget(session);
    const complaint = startComplaint(error);
    if (complaint === undefined) throw error;
    await refuse(connection, `Failed to start PTY session: ${complaint}`);
    return;
  }
  await serve(session, connection);
}

/** What `create-connect` asks for; undefined when that was answered with an error. */
function requestOf(call: ToolboxCall): PtyRequest | undefined {
  const { query } = call;
  const id = query.get("id") ?? "";
  if (refuseId(call, id)) return undefined;
  const envs = envsOfProtocols(offeredProtocols(call.request));
  if (envs === "malformed") {
    sendPtyError(call, 400, "invalid envs subprotocol");
    return undefined;
  }
  const [cols, rows] = ["cols", "rows"].map((name) => numberIn(query, name));
  if (Number.isNaN(cols) || Number.isNaN(rows)) {
    sendPtyError(call, 400, "cols and rows must be numbers");
    return undefined;
  }
  const request = ptyRequest(call, { id, cwd: query.get("cwd"), envs, cols, rows });
  if (!("complaint" in request)) return request;
  sendPtyError(call, 400, request.complaint);
  return undefined;
}

function numberIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  return /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
}

interface Connection {
  readonly socket: ToolboxSocket;
  readonly wantsExitMessage: boolean;
  readonly fault: ConnectionFault | undefined;
}

/** The older daemon knows nothing of exit control: it selects no sub-protocol but the one with a version. */
function accept(call: UpgradeCall): Connection {
  const fault = call.faults.strikeDaemon("pty-connection", call.subject);
  const asksForExit = offeredProtocols(call.request).includes(exitControlProtocol);
  const wantsExitMessage = call.profile.newerRoutes && asksForExit;
  const best = wantsExitMessage ? exitControlProtocol : sdkVersionProtocol(call.request);
  const protocol = fault?.subProtocol === "none" ? undefined : best;
  const socket = call.accept({ protocol, maxMessageBytes: longestInputBytes });
  return { socket, wantsExitMessage, fault };
}

function offeredProtocols({ headers }: IncomingMessage): string[] {
  const offered = headers["sec-websocket-protocol"];
  return offered?.split(",").map((protocol) => protocol.trim()) ?? [];
}

async function serve(session: PtySession, connection: Connection): Promise<void> {
  const { socket, fault } = connection;
  const client = new PtyClient(socket, connection);
  client.tell({ status: "connected" });
  if (fault?.replayBytes) client.show(session.recentOutput.last(fault.replayBytes));
  session.attach(client);
  socket.onMessage((input) => {
    // A client that types faster than the program reads waits: the daemon stops to read its messages.
    const taken = session.type(input);
    if (taken) socket.pauseUntil(taken);
  });
  await socket.ended;
  session.detach(client);
}

/** As the daemon does it: without a close frame. */
async function refuse({ socket }: Connection, error: string): Promise<void> {
  await socket.send(controlMessage({ error, status: "error" }));
  socket.terminate();
  await socket.ended;
}
