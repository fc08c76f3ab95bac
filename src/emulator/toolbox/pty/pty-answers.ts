import { sendJson } from "../../http/send.ts";
import type { ToolboxCall } from "../toolbox-call.ts";
import { PtySessions } from "./pty-sessions.ts";

export function sendPtyError(call: ToolboxCall, status: number, error: string): void {
  sendJson(call.response, status, { error });
}

/** @returns whether it was answered, because a session cannot be made with this id. */
export function refuseId(call: ToolboxCall, id: string): boolean {
  if (id === "") sendPtyError(call, 400, "session ID is required");
  else if (call.daemon.memory(PtySessions).has(id))
    sendPtyError(call, 409, `PTY session with ID '${id}' already exists`);
  else return false;
  return true;
}
