import type { IncomingMessage, ServerResponse } from "node:http";
import { STATUS_CODES } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { ApiError, stateChangeInProgress } from "../http/api-error.ts";
import type { Upgrade } from "../http/http-listener.ts";
import { joinUpgrade } from "../http/join-upgrade.ts";
import type { MutableLoggedRequest } from "../http/request-log.ts";
import { sendEmpty, sendJson, sendText } from "../http/send.ts";
import { untilAborted } from "../state/until-aborted.ts";
import type { RequestEffect } from "./fault-types.ts";
import { type InnerAnswer, requestInside } from "./request-inside.ts";

export interface StruckExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upgrade: Upgrade | undefined;
  readonly logged: MutableLoggedRequest;
  /** The request's body, when it was read already. */
  readonly body: Buffer | undefined;
  /** Path as the client sent it, for error bodies. */
  readonly path: string;
  /** Aborts when the emulator closes. */
  readonly closing: AbortSignal;
  /** Marks the request that the fault makes of its own, so that no fault strikes it again. */
  readonly insideToken: string;
}

/**
 * Lets an effect strike a request. Effects that need the real answer send the request to this same server once more, as
 * a gateway would, and then cut, hold or change what comes back.
 *
 * @returns `pass` when the request is to be handled as usual.
 */
export async function applyRequestEffect(
  effect: RequestEffect,
  exchange: StruckExchange,
  removed: AbortSignal,
): Promise<"pass" | "done"> {
  const { request, response, closing, path } = exchange;
  switch (effect.type) {
    case "respond":
      request.resume();
      respond(response, effect);
      return "done";
    case "rate-limit":
      request.resume();
      rateLimit(response, effect, path);
      return "done";
    case "state-conflict": {
      request.resume();
      const error = stateChangeInProgress();
      const status = effect.legacy ? 400 : 409;
      sendJson(response, status, new ApiError(status, error.message).toBody(path));
      return "done";
    }
    case "delay":
      await delay(effect.ms, undefined, { signal: closing });
      return "pass";
    case "hang":
      request.resume();
      await untilAborted(AbortSignal.any([closing, removed]));
      request.socket.destroy();
      return "done";
    case "reset":
      request.socket.destroy();
      return "done";
    case "handle-then-reset":
      await drain(await requestInside(exchange));
      request.socket.destroy();
      return "done";
    case "hold-answer": {
      const answer = await requestInside(exchange);
      await untilAborted(AbortSignal.any([closing, removed]), effect.ms);
      await sendAnswer(exchange, answer);
      return "done";
    }
    case "cut":
      await cut(exchange, effect, removed);
      return "done";
    case "truncate":
      await truncate(exchange, await requestInside(exchange), effect.bytes);
      return "done";
    case "rewrite":
      await rewrite(exchange, await requestInside(exchange), effect.fields);
      return "done";
  }
}

function respond(
  response: ServerResponse,
  effect: Extract<RequestEffect, { type: "respond" }>,
): void {
  const { status, body, contentType, headers } = effect;
  for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value);
  if (body === undefined) sendEmpty(response, status);
  else if (typeof body === "string")
    sendText(response, status, body, contentType ?? "text/html; charset=utf-8");
  else sendJson(response, status, body);
}

function rateLimit(
  response: ServerResponse,
  { throttler, retryAfterSeconds }: Extract<RequestEffect, { type: "rate-limit" }>,
  path: string,
): void {
  response.setHeader(`X-RateLimit-Limit-${throttler}`, "300");
  response.setHeader(`X-RateLimit-Remaining-${throttler}`, "0");
  response.setHeader(`X-RateLimit-Reset-${throttler}`, String(retryAfterSeconds));
  response.setHeader(`Retry-After-${throttler}`, String(retryAfterSeconds));
  const error = new ApiError(429, "ThrottlerException: Too Many Requests");
  sendJson(response, 429, error.toBody(path));
}

/** A gateway that gives up: the work goes on behind it. */
async function cut(
  exchange: StruckExchange,
  effect: Extract<RequestEffect, { type: "cut" }>,
  removed: AbortSignal,
): Promise<void> {
  const { response, request, closing } = exchange;
  const inTime = new AbortController();
  const answered = requestInside(exchange);
  const first = await Promise.race([
    answered,
    untilAborted(AbortSignal.any([closing, inTime.signal]), effect.afterMs),
  ]);
  inTime.abort();
  if (first) {
    await sendAnswer(exchange, first);
    return;
  }
  // Read to its end, so that the work behind is not held up; how it ends is of no interest to anyone.
  const rest = answered.then(drain).catch(() => {});
  const answer = effect.answer ?? 504;
  if (answer === "reset") request.socket.destroy();
  else if (answer === "hang") {
    await untilAborted(AbortSignal.any([closing, removed]));
    request.socket.destroy();
  } else if (answer === 504) {
    const title = `504 ${STATUS_CODES[504]}`;
    sendText(response, 504, `<html><body><h1>${title}</h1></body></html>`, "text/html");
  } else sendEmpty(response, answer);
  await rest;
}

async function truncate(
  { response, upgrade, logged }: StruckExchange,
  answer: InnerAnswer,
  bytes: number,
): Promise<void> {
  if (answer.upgraded && upgrade) {
    logged.status = 101;
    joinUpgrade(response, upgrade, answer.upgraded, bytes);
    return;
  }
  writeHead(response, answer);
  let left = bytes;
  for await (const chunk of answer.body) {
    const part = (chunk as Buffer).subarray(0, left);
    left -= part.length;
    await new Promise((resolve) => response.write(part, resolve));
    if (left === 0) break;
  }
  response.socket?.destroy();
  await drain(answer);
}

async function rewrite(
  exchange: StruckExchange,
  answer: InnerAnswer,
  fields: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { response } = exchange;
  if (answer.upgraded) {
    await sendAnswer(exchange, answer);
    return;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of answer.body) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  const isJson = answer.headers["content-type"]?.includes("application/json");
  if (!isJson) {
    sendText(response, answer.status, text, answer.headers["content-type"] ?? "text/plain");
    return;
  }
  const body: unknown = JSON.parse(text);
  sendJson(response, answer.status, rewritten(body, fields));
}

/** The fields of the object itself, or of each item of a list answer. */
function rewritten(body: unknown, fields: Readonly<Record<string, unknown>>): unknown {
  if (typeof body !== "object" || body === null) return body;
  if ("items" in body && Array.isArray(body.items))
    return { ...body, items: body.items.map((item) => rewritten(item, fields)) };
  return { ...body, ...fields };
}

function writeHead(response: ServerResponse, { status, headers }: InnerAnswer): void {
  const { connection: _, "keep-alive": __, "transfer-encoding": ___, ...others } = headers;
  response.writeHead(status, others);
}

async function sendAnswer(
  { response, upgrade, logged }: StruckExchange,
  answer: InnerAnswer,
): Promise<void> {
  if (answer.upgraded && upgrade) {
    logged.status = 101;
    joinUpgrade(response, upgrade, answer.upgraded);
    return;
  }
  writeHead(response, answer);
  for await (const chunk of answer.body) response.write(chunk);
  response.end();
}

async function drain({ body, upgraded }: InnerAnswer): Promise<void> {
  if (upgraded) {
    upgraded.socket.destroy();
    return;
  }
  body.resume();
  if (!body.readableEnded) await new Promise((resolve) => body.once("close", resolve));
}
