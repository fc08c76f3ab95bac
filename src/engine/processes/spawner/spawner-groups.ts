import type { ProgramGroup } from "../started-program.ts";

/** A launcher that starts nothing and has no child ends after this time, since it uses memory of its sandbox's. */
const IDLE_MS = 5_000;

interface Group {
  readonly number: number;
  readonly key: string;
  /** Requests and children. */
  users: number;
  timer: NodeJS.Timeout | undefined;
}

/** The launchers that the spawner has, as this process knows them. A number is never used again. */
export class SpawnerGroups {
  readonly #byKey = new Map<string, Group>();
  readonly #byNumber = new Map<number, Group>();
  readonly #release: (group: number) => void;
  #lastNumber = 0;

  /** @param release - Tells the spawner that the launcher is not needed any more. */
  constructor(release: (group: number) => void) {
    this.#release = release;
  }

  enter({ joins }: ProgramGroup): { readonly number: number; readonly joins: string } {
    const key = keyOf(joins);
    const group = this.#byKey.get(key) ?? this.#add(key);
    group.users += 1;
    clearTimeout(group.timer);
    return { number: group.number, joins: key };
  }

  leave(number: number | undefined): void {
    const group = number === undefined ? undefined : this.#byNumber.get(number);
    if (group === undefined) return;
    group.users -= 1;
    if (group.users > 0) return;
    group.timer = setTimeout(() => this.#end(group), IDLE_MS);
    group.timer.unref();
  }

  /** It ends with its last child, and whatever is started in that group gets a new one. */
  release({ joins }: ProgramGroup): void {
    const group = this.#byKey.get(keyOf(joins));
    if (group !== undefined) this.#end(group);
  }

  /** The launcher has ended. */
  forget(number: number): void {
    const group = this.#byNumber.get(number);
    if (group === undefined) return;
    clearTimeout(group.timer);
    this.#byNumber.delete(number);
    if (this.#byKey.get(group.key) === group) this.#byKey.delete(group.key);
  }

  clear(): void {
    for (const number of [...this.#byNumber.keys()]) this.forget(number);
  }

  #add(key: string): Group {
    this.#lastNumber += 1;
    const group: Group = { number: this.#lastNumber, key, users: 0, timer: undefined };
    this.#byKey.set(key, group);
    this.#byNumber.set(group.number, group);
    return group;
  }

  #end(group: Group): void {
    this.forget(group.number);
    this.#release(group.number);
  }
}

/** As the spawner takes them. */
function keyOf(joins: readonly string[]): string {
  return joins.join("\n");
}
