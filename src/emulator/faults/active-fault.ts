import { randomUUID } from "node:crypto";
import type { FaultHandle, FaultMatch, FaultRule } from "./fault-types.ts";

/** What a fault is compared with: a request, or a sandbox on its own. */
export interface FaultSubject {
  readonly surface?: string;
  readonly method?: string;
  readonly template?: string;
  readonly path?: string;
  readonly sandboxId?: string | undefined;
  readonly name?: string | undefined;
  /** Whether the request asks for a WebSocket of the toolbox. */
  readonly isWebSocket?: boolean;
}

/** A rule with its counters. */
export class ActiveFault implements FaultHandle {
  readonly id = randomUUID();
  readonly rule: FaultRule;
  readonly #removed = new AbortController();
  readonly #endsAtMs: number;
  #passesLeft: number;
  #hits = 0;

  constructor(rule: FaultRule) {
    this.rule = rule;
    this.#endsAtMs = performance.now() + (rule.forMs ?? Number.POSITIVE_INFINITY);
    this.#passesLeft = rule.skip ?? 0;
  }

  get hits(): number {
    return this.#hits;
  }

  /** Aborts when the fault is removed. */
  get removed(): AbortSignal {
    return this.#removed.signal;
  }

  /** Milliseconds until `forMs` is over, or Infinity. */
  get msLeft(): number {
    return Math.max(0, this.#endsAtMs - performance.now());
  }

  get isOver(): boolean {
    return this.removed.aborted || this.msLeft === 0 || this.#hits >= (this.rule.times ?? Infinity);
  }

  remove(): void {
    this.#removed.abort();
  }

  concerns(subject: FaultSubject): boolean {
    return !this.isOver && matches(this.rule.match ?? {}, subject);
  }

  /** Counts an occurrence; false when the rule lets it pass. */
  strike(): boolean {
    if (this.#passesLeft > 0) {
      this.#passesLeft -= 1;
      return false;
    }
    this.#hits += 1;
    return true;
  }
}

function matches(match: FaultMatch, subject: FaultSubject): boolean {
  const { surface, method, path, sandboxId, name } = match;
  if (surface !== undefined && surface !== subject.surface) return false;
  if (method !== undefined && method !== subject.method) return false;
  if (sandboxId !== undefined && sandboxId !== subject.sandboxId) return false;
  if (name !== undefined && name !== subject.name) return false;
  if (path === undefined) return true;
  if (typeof path === "string") return path === subject.template || path === subject.path;
  return path.test(subject.path ?? "");
}
