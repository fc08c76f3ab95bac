import type {
  InterpreterContext as ContextInfo,
  ListContextsResponse,
} from "@daytona/toolbox-api-client";
import * as z from "zod/mini";
import { DaemonError } from "../../http/daemon-error.ts";
import { sendJson, sendText } from "../../http/send.ts";
import { parseDaemonBody } from "../parse-daemon-body.ts";
import { daemonPath, type ToolboxCall, type ToolboxRoutes } from "../toolbox-call.ts";
import { executeCode } from "./execute-route.ts";
import { defaultContextId, InterpreterContexts } from "./interpreter-contexts.ts";
import { WorkerStartFailed } from "./interpreter-worker.ts";

const createSchema = z.object({
  cwd: z.nullish(z.string()),
  language: z.nullish(z.string()),
});

/** Contexts of the code interpreter, and the WebSocket that executes in them. */
export function addInterpreterRoutes(routes: ToolboxRoutes): void {
  routes.add("GET", "/process/interpreter/context", { handle: list });
  routes.add("POST", "/process/interpreter/context", { handle: create });
  routes.add("DELETE", "/process/interpreter/context/{id}", { handle: remove });
  routes.add("GET", "/process/interpreter/execute", {
    handle: refusePlainRequest,
    upgrade: executeCode,
  });
}

function refusePlainRequest({ response }: ToolboxCall): void {
  response.setHeader("sec-websocket-version", "13");
  sendText(response, 400, "Bad Request\n");
}

function list(call: ToolboxCall): void {
  const contexts = call.daemon.memory(InterpreterContexts).list();
  const body = { contexts: contexts.map(({ info }) => info) } satisfies ListContextsResponse;
  sendJson(call.response, 200, body);
}

async function create(call: ToolboxCall): Promise<void> {
  const body = await parseDaemonBody(call, createSchema, "CreateContextRequest");
  if (!body.success)
    throw failure(400, "BAD_REQUEST", `invalid request payload: ${body.complaint}`);
  const { language, cwd } = body.data;
  if (language !== undefined && language !== null && language !== "python") {
    const message = `unsupported language: ${language} (only 'python' is supported currently)`;
    throw failure(400, "BAD_REQUEST", message);
  }
  try {
    const contexts = call.daemon.memory(InterpreterContexts);
    const context = await contexts.create(call, daemonPath(call.engine, cwd ?? ""));
    sendJson(call.response, 200, context.info satisfies ContextInfo);
  } catch (error) {
    if (!(error instanceof WorkerStartFailed)) throw error;
    throw failure(500, "INTERNAL_SERVER_ERROR", error.message);
  }
}

async function remove(call: ToolboxCall): Promise<void> {
  const { id = "" } = call.params;
  if (id === defaultContextId) throw failure(400, "BAD_REQUEST", "cannot delete default context");
  if (!(await call.daemon.memory(InterpreterContexts).delete(id)))
    throw failure(404, "PROCESS_NOT_FOUND", `not found: context with ID '${id}' not found`);
  sendJson(call.response, 200, { message: "Context deleted successfully" });
}

/** The older daemon writes the status before its error handler could add a body. */
function failure(status: number, code: string, message: string): DaemonError {
  return new DaemonError({ status, code, message, emptyInOlder: true });
}
