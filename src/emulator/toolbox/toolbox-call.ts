import type { IncomingMessage, ServerResponse } from "node:http";
import { posix } from "node:path";
import type { EngineSandbox } from "../../engine/engine-types.ts";
import type { FaultSubject } from "../faults/active-fault.ts";
import type { FaultInjector } from "../faults/fault-injector.ts";
import { DaemonError } from "../http/daemon-error.ts";
import { parseJsonBody, readBody } from "../http/read-body.ts";
import type { RouteTable } from "../http/route-table.ts";
import type { HandshakeOptions } from "../http/web-socket.ts";
import type { ServerProfile } from "../server-profile.ts";
import { ImageSandbox } from "../state/image-sandbox.ts";
import type { SandboxEntry } from "../state/sandbox-entry.ts";
import type { ToolboxDaemon } from "./daemon/toolbox-daemon.ts";
import type { ToolboxSocket } from "./daemon/toolbox-socket.ts";

/** One authenticated request to the daemon of a running sandbox. */
export interface ToolboxCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly params: Readonly<Record<string, string>>;
  readonly entry: SandboxEntry;
  readonly engine: EngineSandbox;
  readonly profile: ServerProfile;
  readonly faults: FaultInjector;
  /** What faults are compared with. */
  readonly subject: FaultSubject;
  /** The daemon that works for this call. It may end before the work does. */
  readonly daemon: ToolboxDaemon;
}

/** A request that asks for a WebSocket. Until it is accepted it can be answered or fail like any other. */
export interface UpgradeCall extends ToolboxCall {
  /** Answers 101. The socket ends with the daemon, and at the latest when the route's promise settles. */
  readonly accept: (options?: HandshakeOptions) => ToolboxSocket;
}

export interface ToolboxRoute {
  readonly handle: (call: ToolboxCall) => void | Promise<void>;
  /** Takes the requests that ask for a WebSocket. Its promise settles when the connection is over. */
  readonly upgrade?: (call: UpgradeCall) => Promise<void>;
}

export type ToolboxRoutes = RouteTable<ToolboxRoute>;

/** Where the daemon runs, against which relative paths are resolved: the image's WORKDIR, else the home. */
export function workDirectory(engine: EngineSandbox): string {
  return engine instanceof ImageSandbox ? engine.workDirectory : engine.homeDirectory;
}

/** A path as the daemon's process takes it: `~` is not expanded. */
export function daemonPath(engine: EngineSandbox, path: string): string {
  return posix.resolve(workDirectory(engine), path);
}

export function badRequest(message: string): DaemonError {
  return new DaemonError({ status: 400, code: "BAD_REQUEST", message: `bad request: ${message}` });
}

/** The JSON body; 400 `BAD_REQUEST` when it is none. */
export async function readDaemonJson(call: ToolboxCall): Promise<unknown> {
  try {
    return parseJsonBody(await readBody(call.request));
  } catch (error) {
    if (error instanceof SyntaxError) throw badRequest(`invalid request body: ${error.message}`);
    throw error;
  }
}
