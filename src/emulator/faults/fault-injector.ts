import { untilAborted } from "../state/until-aborted.ts";
import { ActiveFault, type FaultSubject } from "./active-fault.ts";
import { checkEffect } from "./effect-schema.ts";
import type {
  DaemonEffect,
  FaultEffect,
  FaultHandle,
  FaultRule,
  RequestEffect,
  SandboxEffect,
  SocketEffect,
} from "./fault-types.ts";
import type { GitEffect } from "./git-effects.ts";
import type { PtyEffect } from "./pty-effects.ts";

type EffectOfType<Type extends FaultEffect["type"]> = Extract<FaultEffect, { type: Type }>;

/** An effect that has struck. */
export interface Struck<Effect> {
  readonly effect: Effect;
  /** Aborts when the fault is removed. */
  readonly removed: AbortSignal;
}

/** Those that strike inside the server, where it asks for them; all others strike a request before it is handled. */
const inwardEffectTypes: ReadonlySet<string> = new Set<
  (SandboxEffect | DaemonEffect | GitEffect | PtyEffect)["type"]
>([
  "hold-state",
  "fail-transition",
  "vanish",
  "zombie",
  "events",
  "unmounted",
  "unlisted",
  "daemon-crash",
  "exec-timeout",
  "session-exec",
  "session-input",
  "interpreter-execute",
  "log-follow",
  "git-failure",
  "pty-connection",
  "pty-resize",
]);

/** The faults that the emulator injects. None by default; the first rule that matches strikes. */
export class FaultInjector {
  #faults: ActiveFault[] = [];

  /**
   * Adds a fault. It strikes until it is removed, or as often and as long as the rule says.
   *
   * @throws TypeError when the effect has a field that it does not know, or lacks one.
   */
  add(rule: FaultRule): FaultHandle {
    checkEffect(rule.effect);
    const fault = new ActiveFault(rule);
    this.#faults = [...this.#faults.filter(({ isOver }) => !isOver), fault];
    return fault;
  }

  /** Removes all faults, and lets go what they hold. */
  clear(): void {
    for (const fault of this.#faults) fault.remove();
    this.#faults = [];
  }

  list(): { readonly id: string; readonly rule: FaultRule; readonly hits: number }[] {
    return this.#faults.map(({ id, rule, hits }) => ({ id, rule, hits }));
  }

  /** Removes one fault by id; false when there is none. */
  remove(id: string): boolean {
    const fault = this.#faults.find((candidate) => candidate.id === id);
    fault?.remove();
    this.#faults = this.#faults.filter((candidate) => candidate !== fault);
    return fault !== undefined;
  }

  /** Used by the server: the effect that strikes this request, counted. */
  strikeRequest(subject: FaultSubject): Struck<RequestEffect | SocketEffect> | undefined {
    for (const fault of this.#faults) {
      const { effect } = fault.rule;
      if (inwardEffectTypes.has(effect.type) || !fault.concerns(subject)) continue;
      if (effect.type === "websocket" && !subject.isWebSocket) continue;
      if (fault.strike())
        return { effect: effect as RequestEffect | SocketEffect, removed: fault.removed };
    }
    return undefined;
  }

  /** Used by the server: whether the sandbox suffers an effect that has no more to it. */
  suffers(type: "vanish" | "unmounted" | "unlisted", subject: FaultSubject): boolean {
    return this.#strike(type, () => true, subject) !== undefined;
  }

  /** Used by the server: whether the sandbox's daemon is out of reach. */
  zombie(subject: FaultSubject): EffectOfType<"zombie"> | undefined {
    return this.#strike("zombie", () => true, subject)?.effect;
  }

  /** Used by the server: what happens to an event of the sandbox, counted. */
  eventFault(subject: FaultSubject): EffectOfType<"events"> | undefined {
    return this.#strike("events", () => true, subject)?.effect;
  }

  /** Used by the server: what goes wrong in the daemon, counted. */
  strikeDaemon<Type extends (DaemonEffect | GitEffect | PtyEffect)["type"]>(
    type: Type,
    subject: FaultSubject,
  ): EffectOfType<Type> | undefined {
    return this.#strike(type, () => true, subject)?.effect;
  }

  /** Used by the server: stays while a fault holds the sandbox in the state. */
  async holdState(state: string, subject: FaultSubject, signal: AbortSignal): Promise<void> {
    const fault = this.#strike("hold-state", (effect) => effect.state === state, subject);
    if (fault === undefined) return;
    const { ms = Number.POSITIVE_INFINITY } = fault.effect;
    const end = AbortSignal.any([signal, fault.active.removed]);
    await untilAborted(end, Math.min(ms, fault.active.msLeft));
    signal.throwIfAborted();
  }

  /** Used by the server: the failure that ends the transition through the state. */
  transitionFailure(
    state: string,
    subject: FaultSubject,
  ): EffectOfType<"fail-transition"> | undefined {
    return this.#strike("fail-transition", (effect) => effect.state === state, subject)?.effect;
  }

  #strike<Type extends (SandboxEffect | DaemonEffect | GitEffect | PtyEffect)["type"]>(
    type: Type,
    accepts: (effect: EffectOfType<Type>) => boolean,
    subject: FaultSubject,
  ): { effect: EffectOfType<Type>; active: ActiveFault } | undefined {
    for (const active of this.#faults) {
      if (active.rule.effect.type !== type || !active.concerns(subject)) continue;
      const effect = active.rule.effect as EffectOfType<Type>;
      if (!accepts(effect)) continue;
      if (active.strike()) return { effect, active };
    }
    return undefined;
  }
}
