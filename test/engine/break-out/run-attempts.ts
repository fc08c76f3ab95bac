import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type ListenOptions, type Server } from "node:net";
import { join } from "node:path";
import type { EngineSandbox } from "../../../src/engine/engine-types.ts";
import type { LocalEngine } from "../../../src/engine/local-engine.ts";
import { runShell } from "../run-program.ts";
import { type Attempt, ESCAPED, type Target } from "./attempts.ts";
import type { Outcome } from "./print-outcomes.ts";

/** What there is to reach on this machine, for as long as the body runs. */
export async function withTarget<Value>(
  engine: LocalEngine,
  folder: string,
  body: (target: Target) => Promise<Value>,
): Promise<Value> {
  const SECRET_FILE = join(folder, "secret");
  const HOST_FOLDER = join(folder, "open");
  mkdirSync(HOST_FOLDER);
  chmodSync(HOST_FOLDER, 0o777);
  writeFileSync(SECRET_FILE, "HOST_SECRET\n");
  const other = await engine.create({ id: "other" });
  await other.files.write(`${other.homeDirectory}/file-of-other`, Buffer.from("HOST_SECRET\n"));
  // Where the layers are is the engine's own affair.
  const search = [
    "find",
    join(engine.directory, "sandboxes/other"),
    "-name",
    "file-of-other",
  ] as const;
  // Without an overlay's work directory, which an ordinary user may not open.
  const { stdout } = spawnSync(search[0], search.slice(1), { encoding: "utf8" });
  const OTHER_FILE = stdout.trim();
  if (OTHER_FILE === "") throw new Error("The file of the other sandbox is not on the disk");
  const process = spawn("sh", ["-c", "sleep 1000; : HOST_SECRET"], {
    env: { ...globalThis.process.env, VARIABLE: "HOST_SECRET" },
    stdio: "ignore",
    detached: true,
  });
  const HOST_SOCKET = `break-out-${process.pid}`;
  const onLoopback = await tellSecret({ port: 0, host: "127.0.0.1" });
  const abstract = await tellSecret({ path: `\0${HOST_SOCKET}` });
  const { port } = onLoopback.address() as AddressInfo;
  try {
    return await body({
      SECRET_FILE,
      HOST_FOLDER,
      ENGINE: engine.directory,
      OTHER_FILE,
      HOST_PID: String(process.pid),
      HOST_PORT: String(port),
      HOST_SOCKET,
    });
  } finally {
    for (const server of [onLoopback, abstract]) server.close();
    globalThis.process.kill(-(process.pid as number), "SIGKILL");
  }
}

async function tellSecret(place: ListenOptions): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined).end("HOST_SECRET\n");
  });
  await new Promise<void>((resolve) => server.listen(place, resolve));
  return server;
}

/** One after the other in the same sandbox, which each attempt may leave as it likes. */
export async function runAttempts(
  sandbox: EngineSandbox,
  attempts: readonly Attempt[],
  target: Target,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { name, script } of attempts) {
    const { stdout, stderr } = await runShell(sandbox, script, { env: { ...target } });
    const hasEscaped = stdout.split("\n").includes(ESCAPED);
    const said = stderr.trim().split("\n").at(-1) ?? "";
    const reason = said === "" ? "" : `: ${said.slice(0, 90)}`;
    outcomes.push({ name, outcome: hasEscaped ? ESCAPED : `held${reason}` });
  }
  return outcomes;
}
