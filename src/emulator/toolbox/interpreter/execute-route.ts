import * as z from "zod/mini";
import type { ToolboxSocket } from "../daemon/toolbox-socket.ts";
import { sdkVersionProtocol } from "../session/sdk-version.ts";
import type { UpgradeCall } from "../toolbox-call.ts";
import { InterpreterClient } from "./interpreter-client.ts";
import type { InterpreterContext } from "./interpreter-context.ts";
import { InterpreterContexts } from "./interpreter-contexts.ts";
import { WorkerStartFailed } from "./interpreter-worker.ts";

// Daytona v0.190 daemon, interpreter.
const defaultTimeoutSeconds = 600;

const executeSchema = z.object({
  code: z.nullish(z.string()),
  contextId: z.nullish(z.string()),
  timeout: z.nullish(z.int()),
  envs: z.nullish(z.record(z.string(), z.string())),
});

type ExecuteRequest = z.infer<typeof executeSchema>;

/** Takes one request as the connection's first message, shows what its code says, and closes. */
export async function executeCode(call: UpgradeCall): Promise<void> {
  const effect = call.faults.strikeDaemon("interpreter-execute", call.subject);
  const socket = call.accept({ protocol: sdkVersionProtocol(call.request) });
  const message = await firstMessage(socket);
  if (message === undefined) return;
  const request = parsed(message);
  const complaint = request ? complaintAbout(request) : "invalid JSON payload";
  if (!request || complaint !== undefined) {
    await socket.close(request ? 1008 : 1002, complaint);
    return;
  }
  const context = await contextOf(call, request);
  if ("code" in context) {
    await socket.close(context.code, shortened(context.reason));
    return;
  }
  if (effect?.mode === "not-run") {
    await socket.close(1000);
    return;
  }
  const { timeout } = request;
  const execution = context.execute({
    code: request.code ?? "",
    envs: request.envs ?? {},
    timeoutMs: (timeout ?? defaultTimeoutSeconds) * 1000,
    client: new InterpreterClient(socket),
  });
  if (effect?.mode === "worker-dies") killLater(call, context, effect.afterMs ?? 0);
  await Promise.race([execution, socket.ended]);
}

/** Undefined when the client left without one. */
async function firstMessage(socket: ToolboxSocket): Promise<Buffer | undefined> {
  const message = new Promise<Buffer>((resolve) => {
    // Later ones are read and mean nothing.
    socket.onMessage(resolve);
  });
  return Promise.race([message, socket.ended.then(() => undefined)]);
}

function parsed(message: Buffer): ExecuteRequest | undefined {
  try {
    return executeSchema.safeParse(JSON.parse(message.toString("utf8"))).data;
  } catch {
    return undefined;
  }
}

function complaintAbout({ code, timeout }: ExecuteRequest): string | undefined {
  if (!code) return "code is required";
  if ((timeout ?? 0) < 0) return "timeout must be greater than or equal to 0";
  return undefined;
}

async function contextOf(
  call: UpgradeCall,
  { contextId }: ExecuteRequest,
): Promise<InterpreterContext | { readonly code: number; readonly reason: string }> {
  const contexts = call.daemon.memory(InterpreterContexts);
  const isDefault = contextId === undefined || contextId === null;
  try {
    const context = isDefault ? await contexts.default(call) : await contexts.find(contextId);
    return context ?? { code: 1008, reason: `context not found: ${contextId}` };
  } catch (error) {
    if (!(error instanceof WorkerStartFailed)) throw error;
    return isDefault
      ? { code: 1011, reason: `failed to get default context: ${error.message}` }
      : { code: 1008, reason: `context not found: ${contextId}` };
  }
}

/** A close frame has no room for more. */
function shortened(reason: string): string {
  return Buffer.from(reason)
    .toString("utf8", 0, 120)
    .replace(/\ufffd$/, "");
}

function killLater({ daemon }: UpgradeCall, context: InterpreterContext, afterMs: number): void {
  const timer = setTimeout(() => context.killWorker(), afterMs);
  daemon.gone.addEventListener("abort", () => clearTimeout(timer), { once: true });
}
