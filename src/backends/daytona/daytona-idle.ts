import type { IdleConfig } from "../../contract/config.ts";
import { ProtocolError } from "../../contract/provider-errors.ts";
import { delay } from "../../core/delay.ts";
import { longestArchiveMinutes } from "./daytona-idle-config.ts";
import type { DaytonaSandbox } from "./daytona-sdk.ts";

/** An answer may come from before the change. */
const looks = 4;
const lookAgainMs = 500;

type Field = "autoStopInterval" | "autoArchiveInterval" | "autoDeleteInterval";

const fields: readonly (readonly [keyof IdleConfig, Field])[] = [
  ["autoStopMinutes", "autoStopInterval"],
  ["autoArchiveMinutes", "autoArchiveInterval"],
  ["autoDeleteMinutes", "autoDeleteInterval"],
];

/** Sets what differs; resolves with whether anything did. */
export async function changeIdle(sandbox: DaytonaSandbox, idle: IdleConfig): Promise<boolean> {
  const set: Readonly<Record<Field, (minutes: number) => Promise<void>>> = {
    autoStopInterval: (minutes) => sandbox.setAutostopInterval(minutes),
    autoArchiveInterval: (minutes) => sandbox.setAutoArchiveInterval(minutes),
    autoDeleteInterval: (minutes) => sandbox.setAutoDeleteInterval(minutes),
  };
  const changes = fields.flatMap(([key, field]) =>
    sandbox[field] === kept(key, idle) ? [] : [set[field](idle[key] ?? 0)],
  );
  await Promise.all(changes);
  return changes.length > 0;
}

/**
 * A sandbox that keeps the short times of its creation would be deleted under its owner, so what was accepted is looked at.
 *
 * @throws {@link ProtocolError} when Daytona keeps other times.
 */
export async function proveIdle(
  idle: IdleConfig,
  find: () => Promise<DaytonaSandbox | undefined>,
  signal: AbortSignal,
): Promise<void> {
  for (let look = 1; ; look++) {
    const sandbox = await find();
    // Whether it is gone is found out by whoever uses it next.
    if (sandbox === undefined) return;
    const wrong = fields.filter(([key, field]) => sandbox[field] !== kept(key, idle));
    if (wrong.length === 0) return;
    if (look === looks) {
      const words = wrong.map(
        ([key, field]) =>
          `\`idle.${key}\`: ${kept(key, idle)} was asked for, and it is ${sandbox[field]}.`,
      );
      throw new ProtocolError(
        `Daytona keeps other idle times than it accepted. ${words.join(" ")}`,
        {
          sandboxId: sandbox.id,
        },
      );
    }
    await delay(lookAgainMs, signal);
  }
}

function kept(key: keyof IdleConfig, idle: IdleConfig): number {
  const minutes = idle[key] ?? 0;
  return key === "autoArchiveMinutes" && minutes === 0 ? longestArchiveMinutes : minutes;
}
