import type { IsPortInUseResponse, PortList } from "@daytona/toolbox-api-client";
import { sendJson } from "../http/send.ts";
import { badFileRequest } from "./file-error.ts";
import { type ToolboxCall, type ToolboxRoutes, workDirectory } from "./toolbox-call.ts";

/** Version, directories and ports. */
export function addInfoRoutes(routes: ToolboxRoutes): void {
  routes.add("GET", "/version", {
    handle: ({ response, profile }) => sendJson(response, 200, { version: profile.version }),
  });
  routes.add("GET", "/work-dir", {
    handle: ({ response, engine }) => sendJson(response, 200, { dir: workDirectory(engine) }),
  });
  for (const path of ["/user-home-dir", "/project-dir"]) {
    routes.add("GET", path, {
      handle: ({ response, engine }) => sendJson(response, 200, { dir: engine.homeDirectory }),
    });
  }
  routes.add("GET", "/port", {
    handle: async ({ response, engine }) => {
      sendJson(response, 200, { ports: await engine.listeningPorts() } satisfies PortList);
    },
  });
  routes.add("GET", "/port/{port}/in-use", { handle: portInUse });
}

async function portInUse({ params, engine, response }: ToolboxCall): Promise<void> {
  const { port: text = "" } = params;
  if (!/^\d+$/.test(text))
    throw badFileRequest("invalid port: must be a number between 3000 and 9999");
  const port = Number(text);
  if (port < 3000 || port > 9999)
    throw badFileRequest("port out of range: must be between 3000 and 9999");
  const isInUse = (await engine.listeningPorts()).includes(port);
  sendJson(response, 200, { isInUse } satisfies IsPortInUseResponse);
}
