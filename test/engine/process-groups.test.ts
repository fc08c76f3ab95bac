import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readBootId } from "../../src/engine/processes/process-identity.ts";
import { eventually } from "./eventually.ts";
import { runShell } from "./run-program.ts";
import { openTemporaryEngine } from "./temporary-engine.ts";

/** A stranger's process in a group whose number once was a sandbox's; `leader` says whether the group's leader is still there. */
async function startStranger(
  leader: "lives" | "has ended",
): Promise<{ group: number; member: number }> {
  const script =
    leader === "lives" ? "echo $$; exec sleep 1000" : "sleep 1000 >/dev/null & echo $!";
  const child = spawn("sh", ["-c", script], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exited = once(child, "exit");
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  if (leader === "has ended") await exited;
  child.stdout.destroy();
  child.unref();
  return { group: child.pid as number, member: Number(said.toString()) };
}

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return false;
  }
};

test("isolation none: a group that ended is not found again by its number", async () => {
  await using temporary = await openTemporaryEngine("none");
  const sandbox = await temporary.engine.create({ id: "groups" });
  const list = join(temporary.directory, "sandboxes/groups/process-groups");
  const boot = readBootId();

  const short = await sandbox.spawn(["true"]);
  for (const stream of [short.stdout, short.stderr]) stream.resume();
  await short.exited;
  const ended = `${short.pid} ended ${boot}\n`;
  await eventually("its end is noted", () => readFileSync(list, "latin1").includes(ended));

  // Its leader ends, and a member without any mark of ours stays: still one of the sandbox's.
  const { stdout } = await runShell(sandbox, "env -i sleep 1000 >/dev/null 2>&1 & echo $!");
  const own = Number(stdout);
  const reused = await startStranger("lives");
  const orphaned = await startStranger("has ended");
  try {
    appendFileSync(list, `${reused.group} 1 ${boot}\n`);
    appendFileSync(list, `${orphaned.group} 1 ${boot}\n${orphaned.group} ended ${boot}\n`);
    expect([own, reused.member, orphaned.member].map(isAlive)).toEqual([true, true, true]);
    await sandbox.stop({ graceMs: 0 });
    expect([own, reused.member, orphaned.member].map(isAlive)).toEqual([false, true, true]);
    // A handle that somebody kept does not reach a stranger either.
    short.kill("SIGKILL");
  } finally {
    for (const { member } of [reused, orphaned]) process.kill(member, "SIGKILL");
  }
});
