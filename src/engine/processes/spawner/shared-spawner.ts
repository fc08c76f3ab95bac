import { findInheritedDescriptors } from "../inherited-descriptors.ts";
import { Spawner } from "./spawner.ts";

interface Current {
  readonly identity: string;
  readonly spawner: Promise<Spawner | undefined>;
  isGone: boolean;
}

/**
 * The spawner that all engines of this process share. It is started when one of them first needs it, and again when it has gone; it
 * ends with the last engine and the last program.
 */
class SharedSpawner {
  #users = 0;
  #current: Current | undefined;

  enter(): void {
    this.#users += 1;
  }

  /** Undefined where there can be none. */
  get(): Promise<Spawner | undefined> {
    const identity = identityOfHost();
    if (this.#current?.isGone === false) {
      // A process that has given up privileges since must not start programs with them.
      if (this.#current.identity === identity) return this.#current.spawner;
      void this.#retire();
    }
    const current: Current = {
      identity,
      spawner: Spawner.start(findInheritedDescriptors()),
      isGone: false,
    };
    this.#current = current;
    void current.spawner.then(async (spawner) => {
      await spawner?.gone;
      current.isGone = spawner !== undefined;
    });
    return current.spawner;
  }

  /** The one that is there already, if any. */
  async running(): Promise<Spawner | undefined> {
    const current = this.#current;
    if (current?.isGone !== false || current.identity !== identityOfHost()) return undefined;
    return current.spawner;
  }

  async leave(): Promise<void> {
    this.#users -= 1;
    if (this.#users === 0) await this.#retire();
  }

  async #retire(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    const spawner = await current?.spawner;
    await spawner?.retire();
  }
}

function identityOfHost(): string {
  const { getuid, geteuid, getgid, getegid, getgroups } = process;
  return [getuid, geteuid, getgid, getegid, getgroups].map((ask) => String(ask?.())).join(" ");
}

export const sharedSpawner = new SharedSpawner();
