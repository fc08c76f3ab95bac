import type { PortPreviewUrl, SignedPortPreviewUrl } from "@daytona/api-client";
import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import { sendEmpty, sendJson } from "../http/send.ts";
import { type ApiCall, type ApiRoutes, sandboxOfCall } from "./api-call.ts";

const defaultExpirySeconds = 60;
const longestExpirySeconds = 86_400;

/** Preview URLs. Neither a listener on the port nor a started sandbox is checked, as on the real server. */
export function addPreviewRoutes(routes: ApiRoutes, services: EmulatorServices): void {
  const ports = "/sandbox/{sandboxIdOrName}/ports/{port}";
  const { previewOrigins, signedPreviews } = services;

  routes.add("GET", `${ports}/preview-url`, {
    handle: async (call) => {
      const port = portOf(call);
      const { id, record } = sandboxOfCall(services, call);
      const url = await previewOrigins.url({ port, sandboxIdOrToken: id });
      const answer: PortPreviewUrl = { sandboxId: id, url, token: record.previewToken };
      sendJson(call.response, 200, answer);
    },
  });
  routes.add("GET", `${ports}/signed-preview-url`, {
    handle: async (call) => {
      const port = portOf(call);
      const seconds = expirySeconds(call.query.get("expiresInSeconds"));
      const { id } = sandboxOfCall(services, call);
      const token = signedPreviews.issue(id, port, seconds);
      const url = await previewOrigins.url({ port, sandboxIdOrToken: token });
      const answer: SignedPortPreviewUrl = { sandboxId: id, port, token, url };
      sendJson(call.response, 200, answer);
    },
  });
  routes.add("POST", `${ports}/signed-preview-url/{token}/expire`, {
    handle: (call) => {
      sandboxOfCall(services, call);
      signedPreviews.expire(call.params.token ?? "", portOf(call));
      sendEmpty(call.response, 200);
    },
  });
}

function portOf({ params }: ApiCall): number {
  const port = Number(params.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new ApiError(400, "Invalid port");
  return port;
}

function expirySeconds(text: string | null): number {
  const seconds = text === null ? defaultExpirySeconds : Number(text);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > longestExpirySeconds)
    throw new ApiError(400, "expiresInSeconds must be between 1 second and 24 hours");
  return seconds;
}
