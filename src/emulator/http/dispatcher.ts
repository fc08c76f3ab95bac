import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { ApiRoutes } from "../api/api-call.ts";
import { sendBuildLog } from "../api/build-log.ts";
import { apiRoutes, handleApi } from "../api/handle-api.ts";
import type { EmulatorServices } from "../emulator-services.ts";
import { handleAdmin } from "../faults/admin-routes.ts";
import { applyRequestEffect } from "../faults/apply-request-effect.ts";
import { insideHeader } from "../faults/request-inside.ts";
import { SocketFault } from "../faults/socket-fault.ts";
import { handleStorage } from "../object-storage/handle-storage.ts";
import { handlePreview } from "../preview/preview-proxy.ts";
import { type PreviewTarget, previewTargetOfHost } from "../preview/preview-target.ts";
import { PreviewCookies } from "../preview/proxy-credentials.ts";
import { handleToolbox, toolboxRoutes } from "../toolbox/handle-toolbox.ts";
import type { ToolboxRoutes } from "../toolbox/toolbox-call.ts";
import { ApiError } from "./api-error.ts";
import { DaemonError } from "./daemon-error.ts";
import type { Upgrade } from "./http-listener.ts";
import { parseJsonBody, readBody } from "./read-body.ts";
import { type RoutedRequest, routeRequest } from "./route-request.ts";
import { sendEmpty, sendJson, sendText } from "./send.ts";
import { BadHandshake } from "./web-socket.ts";

const dashboardPage =
  '<!doctype html><html lang="en"><head><title>Daytona</title></head><body><div id="root"></div></body></html>';

const daemonErrorType = "application/json";

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly upgrade: Upgrade | undefined;
  readonly routed: RoutedRequest;
}

/** Takes every request of every listener: log, latency, faults, then the part of the server that it is for. */
export class Dispatcher {
  readonly #services: EmulatorServices;
  readonly #apiRoutes: ApiRoutes;
  readonly #toolboxRoutes: ToolboxRoutes;
  readonly #cookies = new PreviewCookies();
  readonly #insideToken = randomBytes(16).toString("hex");

  constructor(services: EmulatorServices) {
    this.#services = services;
    this.#apiRoutes = apiRoutes(services);
    this.#toolboxRoutes = toolboxRoutes(services);
  }

  /** Never rejects: what goes wrong becomes an answer, or the end of the connection. */
  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    upgrade?: Upgrade,
    previewTarget: PreviewTarget | undefined = previewTargetOfHost(request.headers.host),
  ): Promise<void> {
    const url = new URL(`http://emulator${request.url ?? "/"}`);
    const routed = routeRequest(request, url, previewTarget, {
      api: this.#apiRoutes,
      toolbox: this.#toolboxRoutes,
      services: this.#services,
    });
    try {
      await this.#strikeOrServe({ request, response, url, upgrade, routed });
    } catch (error) {
      this.#answerError(request, response, url, routed, error);
    }
  }

  async #strikeOrServe(exchange: Exchange): Promise<void> {
    const { request, response, routed } = exchange;
    const { requests, faults, options, closing } = this.#services;
    const isInside = request.headers[insideHeader] === this.#insideToken;
    delete request.headers[insideHeader];
    // The name of a sandbox that is only being asked for stands in the body.
    const body = isCreate(routed) ? await readBody(request) : undefined;
    if (!isInside) {
      const json = body && jsonOrUndefined(body);
      routed.logged.body = json;
      requests.add(routed.logged);
      response.once("finish", () => {
        routed.logged.status = response.statusCode;
      });
      if (options.latencyMs) await delay(options.latencyMs, undefined, { signal: closing });
      const name = nameIn(json) ?? routed.subject.name;
      const isWebSocket = isToolboxWebSocket(exchange);
      const subject = { ...routed.subject, name, isWebSocket };
      const struck = routed.kind === "admin" ? undefined : faults.strikeRequest(subject);
      if (struck?.effect.type === "websocket") {
        const socketFault = new SocketFault(struck.effect, closing, struck.removed);
        await this.#serve(exchange, body, socketFault);
        return;
      }
      if (struck) {
        const path = exchange.url.pathname;
        const { logged } = routed;
        const insideToken = this.#insideToken;
        const seen = { ...exchange, body, path, logged, closing, insideToken };
        if ((await applyRequestEffect(struck.effect, seen, struck.removed)) === "done") return;
      }
    }
    await this.#serve(exchange, body);
  }

  async #serve(
    exchange: Exchange,
    body: Buffer | undefined,
    socketFault?: SocketFault,
  ): Promise<void> {
    const { request, response, url, routed } = exchange;
    const { logged } = routed;
    switch (routed.kind) {
      case "preview":
        await handlePreview(this.#services, this.#cookies, {
          ...exchange,
          logged,
          target: routed.target,
        });
        return;
      case "api":
        await handleApi(this.#services, routed.match, { ...exchange, logged, body });
        return;
      case "toolbox":
        await handleToolbox(this.#services, this.#cookies, routed.match, {
          ...exchange,
          logged,
          sandboxId: routed.sandboxId,
          subject: routed.subject,
          socketFault,
        });
        return;
      case "events":
        if (exchange.upgrade) logged.status = 101;
        this.#services.events.take(request, response, exchange.upgrade);
        return;
      case "build-log":
        await sendBuildLog(
          this.#services,
          routed.target,
          request,
          response,
          url.searchParams.get("follow") === "true",
        );
        return;
      case "storage":
        await handleStorage(this.#services.storage, request, response, url);
        return;
      case "admin":
        await handleAdmin(this.#services, request, response, url);
        return;
      case "dashboard":
        sendText(response, 200, dashboardPage, "text/html; charset=utf-8");
        return;
    }
  }

  #answerError(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    routed: RoutedRequest,
    error: unknown,
  ): void {
    // Half an answer must not look like a whole one.
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    request.resume();
    if (error instanceof BadHandshake) {
      response.setHeader("sec-websocket-version", "13");
      sendText(response, 400, "Bad Request\n");
    } else if (error instanceof ApiError) {
      sendJson(response, error.status, error.toBody(url.pathname));
    } else if (error instanceof DaemonError) {
      const path = routed.kind === "toolbox" && !error.isFromProxy ? routed.path : url.pathname;
      const body = error.toBody(this.#services.profile, { method: request.method ?? "", path });
      if (body) sendJson(response, error.status, body, daemonErrorType);
      else sendEmpty(response, error.status);
    } else if (routed.kind === "toolbox") {
      sendJson(response, 500, unexpectedOfDaemon(error), daemonErrorType);
    } else {
      const unexpected = new ApiError(500, "An unexpected error occurred.");
      sendJson(response, 500, unexpected.toBody(url.pathname));
    }
  }
}

function isToolboxWebSocket({ routed, upgrade }: Exchange): boolean {
  return upgrade !== undefined && routed.kind === "toolbox" && !!routed.match?.value.upgrade;
}

function isCreate(routed: RoutedRequest): boolean {
  const { method, path } = routed.logged;
  return method === "POST" && (path === "/sandbox" || path === "/snapshots");
}

function jsonOrUndefined(body: Buffer): unknown {
  try {
    return parseJsonBody(body);
  } catch {
    // The route will refuse it.
    return undefined;
  }
}

function nameIn(json: unknown): string | undefined {
  if (typeof json !== "object" || json === null || !("name" in json)) return undefined;
  return typeof json.name === "string" ? json.name : undefined;
}

function unexpectedOfDaemon(error: unknown): Record<string, unknown> {
  const message = error instanceof Error ? error.message : String(error);
  return { statusCode: 500, message, timestamp: "0001-01-01T00:00:00Z", path: "" };
}
