import { setTimeout as delay } from "node:timers/promises";
import type { ToolboxSocket } from "../daemon/toolbox-socket.ts";
import type { UpgradeCall } from "../toolbox-call.ts";
import { LogFault } from "./log-fault.ts";
import { MarkerFilter } from "./log-markers.ts";
import { type OutputForm, sdkVersionProtocol } from "./sdk-version.ts";
import type { Session } from "./session.ts";
import type { SessionCommand } from "./session-command.ts";
import { readIfPresent } from "./session-files.ts";

// Daytona v0.190 daemon, log reader.
const frameBytes = 1024;
const pollMs = 20;
const quietPollsBeforeEnd = 50;

const bytesPerRead = 64 * 1024;

/** Sends the log from its start and then what is added, until the command has ended and a second has brought nothing new. */
export async function followLog(
  call: UpgradeCall,
  session: Session,
  command: SessionCommand,
  { combined }: OutputForm,
): Promise<void> {
  const effect = call.faults.strikeDaemon("log-follow", call.subject);
  const size = effect ? (await call.engine.files.stat(command.logPath)).sizeBytes : 0;
  const fault = effect && new LogFault(effect, size);
  const socket = call.accept({ protocol: sdkVersionProtocol(call.request) });
  // Clients have nothing to say here.
  socket.onMessage(() => {});
  const sender = new LogSender(socket, combined, fault);
  const follower = new LogFollower(call, session, command);
  const follows = call.query.get("follow") === "true";
  try {
    for await (const chunk of follower.chunks(follows, () => fault?.endsNow === true)) {
      await sender.send(chunk);
      if (!socket.isOpen) break;
    }
    if (fault) await pause(fault.lingerMs, session.cancelled);
    await sender.end();
    await socket.close(1000);
  } catch {
    // The sandbox stopped, or its log cannot be read.
    await socket.close(1011);
  }
}

class LogFollower {
  readonly #call: UpgradeCall;
  readonly #session: Session;
  readonly #command: SessionCommand;

  constructor(call: UpgradeCall, session: Session, command: SessionCommand) {
    this.#call = call;
    this.#session = session;
    this.#command = command;
  }

  /** An empty chunk is given now and then, so that the consumer can leave. */
  async *chunks(follows: boolean, endsNow: () => boolean): AsyncGenerator<Buffer> {
    const { cancelled } = this.#session;
    const { engine } = this.#call;
    let offset = 0;
    let quietPolls = 0;
    while (!cancelled.aborted && !endsNow()) {
      const end = offset + bytesPerRead;
      const chunk =
        (await readIfPresent(engine, this.#command.logPath, offset, end)) ?? Buffer.alloc(0);
      offset += chunk.length;
      yield chunk;
      if (chunk.length > 0) {
        quietPolls = 0;
        continue;
      }
      if (!follows) return;
      quietPolls += 1;
      if (quietPolls >= quietPollsBeforeEnd) {
        if ((await this.#command.exitCode(engine)) !== undefined) return;
        quietPolls = 0;
      }
      await pause(pollMs, cancelled);
    }
  }
}

class LogSender {
  readonly #socket: ToolboxSocket;
  readonly #filter: MarkerFilter | undefined;
  readonly #fault: LogFault | undefined;

  constructor(socket: ToolboxSocket, combined: boolean, fault: LogFault | undefined) {
    this.#socket = socket;
    this.#filter = combined ? new MarkerFilter() : undefined;
    this.#fault = fault;
  }

  async send(chunk: Buffer): Promise<void> {
    const changed = this.#fault?.push(chunk) ?? chunk;
    await this.#sendFrames(this.#filter?.push(changed) ?? changed);
  }

  async end(): Promise<void> {
    const rest = this.#fault?.end() ?? Buffer.alloc(0);
    const filtered = this.#filter
      ? Buffer.concat([this.#filter.push(rest), this.#filter.end()])
      : rest;
    await this.#sendFrames(filtered);
  }

  async #sendFrames(bytes: Buffer): Promise<void> {
    for (let from = 0; from < bytes.length; from += frameBytes)
      await this.#socket.send(bytes.subarray(from, from + frameBytes));
  }
}

async function pause(ms: number, cancelled: AbortSignal): Promise<void> {
  if (ms <= 0) return;
  try {
    await delay(ms, undefined, { signal: cancelled });
  } catch (error) {
    if (!cancelled.aborted) throw error;
  }
}
