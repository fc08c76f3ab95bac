import { expect, vi } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { patiently } from "./patiently.ts";

export interface WireAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body, or undefined when it is not JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape.
  readonly body: any;
}

/** Speaks to the emulator as a client without an SDK would. */
export class WireClient {
  readonly #emulator: DaytonaEmulator;
  readonly #apiKey: string;

  constructor(emulator: DaytonaEmulator, apiKey = emulator.apiKey) {
    this.#emulator = emulator;
    this.#apiKey = apiKey;
  }

  api(method: string, path: string, body?: unknown): Promise<WireAnswer> {
    return this.request(method, `${this.#emulator.url}${path}`, body);
  }

  toolbox(
    method: string,
    sandboxId: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<WireAnswer> {
    const origin = this.#emulator.url.replace(/\/api$/, "");
    return this.request(method, `${origin}/toolbox/${sandboxId}${path}`, body, headers);
  }

  async request(
    method: string,
    url: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<WireAnswer> {
    const isJson = body !== undefined && !(body instanceof FormData);
    const response = await fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${this.#apiKey}`,
        ...(isJson ? { "content-type": "application/json" } : {}),
        ...headers,
      },
      body: isJson ? JSON.stringify(body) : ((body as FormData | undefined) ?? null),
      redirect: "manual",
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parsed(text) };
  }

  /** A new sandbox, started. */
  async create(body: Record<string, unknown> = {}): Promise<string> {
    const created = await this.api("POST", "/sandbox", body);
    expect(created.status, created.text).toBe(200);
    await this.reaches(created.body.id, "started");
    return created.body.id;
  }

  /** Waits until the sandbox shows this state; `gone` is 404. */
  async reaches(idOrName: string, state: string): Promise<void> {
    await vi.waitFor(async () => {
      const { status, body } = await this.api("GET", `/sandbox/${idOrName}`);
      expect(status === 404 ? "gone" : body.state).toBe(state);
    }, patiently);
  }

  async execute(sandboxId: string, command: string, more: Record<string, unknown> = {}) {
    return this.toolbox("POST", sandboxId, "/process/execute", { command, ...more });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
