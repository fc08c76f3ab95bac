import type { IncomingMessage, ServerResponse } from "node:http";
import * as z from "zod/mini";
import { ApiError } from "../http/api-error.ts";
import type { ApiKeys } from "../http/api-keys.ts";
import { sendEmpty, sendJson } from "../http/send.ts";
import { parseApiBody } from "../wire/parse-body.ts";
import { effectSchema } from "./effect-schema.ts";
import type { FaultInjector } from "./fault-injector.ts";
import type { FaultRule } from "./fault-types.ts";

const adminFaults = "/__emulator/faults";

const matchSchema = z.strictObject({
  surface: z.optional(z.enum(["api", "toolbox", "preview", "admin", "dashboard"])),
  method: z.optional(z.string()),
  path: z.optional(z.string()),
  sandboxId: z.optional(z.string()),
  name: z.optional(z.string()),
});

const ruleSchema = z.strictObject({
  match: z.optional(matchSchema),
  effect: effectSchema,
  skip: z.optional(z.int().check(z.minimum(0))),
  times: z.optional(z.int().check(z.minimum(1))),
  forMs: z.optional(z.number().check(z.minimum(0))),
});

/** `POST`, `GET` and `DELETE /__emulator/faults[/{id}]`, with an API key. */
export async function handleAdmin(
  services: { readonly keys: ApiKeys; readonly faults: FaultInjector },
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  const { keys, faults } = services;
  if (!keys.ofRequest(request)) throw new ApiError(401, "Invalid credentials");
  const { pathname } = url;
  const id = pathname.startsWith(`${adminFaults}/`) ? pathname.slice(adminFaults.length + 1) : "";
  if (pathname !== adminFaults && id === "")
    throw new ApiError(404, `Cannot ${request.method} ${pathname}`);
  switch (request.method ?? "") {
    case "POST": {
      const rule = await parseApiBody(request, ruleSchema);
      sendJson(response, 201, { id: faults.add(rule as FaultRule).id });
      return;
    }
    case "GET":
      sendJson(response, 200, { faults: faults.list() });
      return;
    case "DELETE":
      if (id === "") faults.clear();
      else if (!faults.remove(id)) throw new ApiError(404, `No fault ${id}`);
      sendEmpty(response, 204);
      return;
    default:
      throw new ApiError(404, `Cannot ${request.method} ${pathname}`);
  }
}
