import type { CallOptions } from "../../../contract/call-options.ts";
import type {
  CodeInterpreter,
  CodeResult,
  CreateContextOptions,
  InterpreterContext,
  RunCodeOptions,
} from "../../../contract/code-interpreter.ts";
import {
  ContextNotFoundError,
  WorkingDirectoryNotFoundError,
} from "../../../contract/command-errors.ts";
import { AbortError } from "../../../contract/lifecycle-errors.ts";
import { ProtocolError, UnsupportedOperationError } from "../../../contract/provider-errors.ts";
import type { Attachment } from "../../../core/attachment.ts";
import { checkPath } from "../../../core/check-arguments.ts";
import type { Deadline } from "../../../core/deadline.ts";
import { untilAborted } from "../../../core/delay.ts";
import type { TransportCall } from "../../../core/transport.ts";
import type { DaytonaConnection } from "../daytona-connection.ts";
import type { DaytonaInterpreterContext } from "../daytona-sdk.ts";
import { withSandbox } from "../with-sandbox.ts";
import {
  checkCode,
  checkContext,
  checkCreateOptions,
  checkRunOptions,
  isContextId,
} from "./check-interpreter-arguments.ts";
import { CodeRun } from "./code-run.ts";
import { ExecutionSocket } from "./execution-socket.ts";
import type { RunEnvironment } from "./run-environment.ts";
import { contextNotFound } from "./run-failures.ts";
import { forgetQuestion, interruptQuestion, prepareQuestion } from "./settle-script.ts";
import { startTroubleQuestion } from "./start-trouble.ts";

const runTimeoutMs = 120_000;
const callTimeoutMs = 60_000;
/** What a run may take beyond the code's own time: to make its context, and to prove the end of the code. */
const runOverheadMs = 90_000;

/** What the interpreter needs of its backend. */
export interface InterpreterHost {
  readonly connection: DaytonaConnection;
  readonly workDir: () => string;
  readonly attachment: (operation: string) => Attachment;
  readonly bounded: <Value>(
    operation: string,
    options: CallOptions | undefined,
    defaultTimeoutMs: number,
    run: (deadline: Deadline) => Promise<Value>,
  ) => Promise<Value>;
  readonly guard: <Value>(operation: string, run: () => Promise<Value>) => Promise<Value>;
}

/** Daytona's interpreter, made to tell the truth about how code ended. */
export class DaytonaCodeInterpreter implements CodeInterpreter {
  readonly #host: InterpreterHost;
  readonly #environments = new Map<string, Readonly<Record<string, string>>>();
  readonly #unneeded: string[] = [];
  readonly #runs = new Set<Promise<CodeResult>>();
  readonly #disposal = new AbortController();
  /** Contexts whose interpreter is gone. They are removed; until then whoever used them would wait for nothing. */
  readonly #gone = new Set<string>();
  #ownContext: Promise<string> | undefined;
  #ownContextId: string | undefined;
  #folder: Promise<string> | undefined;

  constructor(host: InterpreterHost) {
    this.#host = host;
  }

  async createContext(options?: CreateContextOptions): Promise<InterpreterContext> {
    const { bounded, workDir } = this.#host;
    return this.#host.guard("createContext", async () => {
      const { cwd, env, ...call } = checkCreateOptions(options);
      const directory = checkPath(cwd ?? workDir(), workDir(), "cwd");
      return bounded("createContext", call, callTimeoutMs, (deadline) =>
        this.#create(directory, env, deadline),
      );
    });
  }

  async listContexts(options?: CallOptions): Promise<InterpreterContext[]> {
    return this.#host.bounded("listContexts", options, callTimeoutMs, async (deadline) => {
      const { sandboxId } = this.#host.attachment("listContexts");
      const listed = await this.#request(sandboxId, deadline, (interpreter) =>
        interpreter.listContexts(),
      );
      return listed.map(toContext);
    });
  }

  async deleteContext(context: { readonly id: string }, options?: CallOptions): Promise<void> {
    await this.#host.bounded("deleteContext", options, callTimeoutMs, async (deadline) => {
      const id = checkContext(context);
      const { sandboxId } = this.#host.attachment("deleteContext");
      await this.#delete(sandboxId, id, deadline);
    });
  }

  async runCode(code: string, options?: RunCodeOptions): Promise<CodeResult> {
    return this.#host.guard("runCode", async () => {
      const checkedCode = checkCode(code);
      const checked = checkRunOptions(options);
      const timeoutMs = checked.timeoutMs ?? runTimeoutMs;
      const call = { signal: checked.signal, timeoutMs: timeoutMs + runOverheadMs };
      return this.#host.bounded("runCode", call, runTimeoutMs, async (deadline) => {
        const { sandboxId, commands, env } = this.#host.attachment("runCode");
        const [folder, contextId] = await Promise.all([
          this.#findFolder(deadline),
          checked.context === undefined ? this.#findOwnContext(deadline) : checked.context.id,
        ]);
        if (this.#gone.has(contextId)) throw contextNotFound(contextId);
        const environment: RunEnvironment = {
          commands: commands.context,
          folder,
          unneeded: this.#unneeded,
          open: (request, onMessage, signal) =>
            withSandbox(this.#host.connection, sandboxId, { signal }, ({ id, toolboxProxyUrl }) =>
              ExecutionSocket.open(
                {
                  url: `${toolboxProxyUrl}/${encodeURIComponent(id)}`,
                  apiKey: this.#host.connection.apiKey,
                },
                request,
                onMessage,
                { signal },
              ),
            ),
          onContextGone: (id) => this.#discard(sandboxId, id),
        };
        const run = new CodeRun(environment, {
          ...checked,
          code: checkedCode,
          contextId,
          timeoutMs,
          env: { ...env, ...this.#environments.get(contextId), ...checked.env },
        });
        const result = run.run(AbortSignal.any([deadline.signal, this.#disposal.signal]));
        this.#runs.add(result);
        try {
          return await result;
        } catch (error) {
          // Another one is made by the next run; this one tells that the variables are gone.
          if (error instanceof ContextNotFoundError) this.#forget(contextId);
          throw error;
        } finally {
          this.#runs.delete(result);
        }
      });
    });
  }

  async interrupt(context?: { readonly id: string }, options?: CallOptions): Promise<number> {
    return this.#host.bounded("interrupt", options, callTimeoutMs, async (deadline) => {
      const id = context === undefined ? await this.#ownContext : checkContext(context);
      const { commands } = this.#host.attachment("interrupt");
      if (id === undefined) return 0;
      const { killRequests, shellPath } = commands.context;
      return killRequests.askUntilAnswered(interruptQuestion(shellPath, id), deadline.signal);
    });
  }

  /** Removes what is this object's own in the sandbox, as far as that can be done now. */
  async dispose(signal: AbortSignal): Promise<void> {
    this.#disposal.abort(
      new AbortError("The backend was disposed of. The code was interrupted.", {
        operation: "dispose",
      }),
    );
    await untilAborted(Promise.allSettled(this.#runs), signal).catch(() => undefined);
    if (this.#folder === undefined) return;
    let attachment: Attachment;
    try {
      attachment = this.#host.attachment("dispose");
    } catch {
      // Torn down: nothing of it is left.
      return;
    }
    const { sandboxId, commands } = attachment;
    const work: Promise<unknown>[] = [];
    if (this.#ownContext !== undefined) {
      const own = this.#ownContext;
      work.push(own.then((id) => this.#delete(sandboxId, id, { signal })));
    }
    if (this.#unneeded.length > 0) {
      const { requests, shellPath } = commands.context;
      work.push(requests.ask(forgetQuestion(shellPath, this.#unneeded.splice(0)), signal));
    }
    await Promise.allSettled(work);
  }

  async #create(
    cwd: string,
    env: Readonly<Record<string, string>> | undefined,
    call: TransportCall,
  ): Promise<InterpreterContext> {
    const { sandboxId, commands } = this.#host.attachment("createContext");
    let created: DaytonaInterpreterContext;
    try {
      created = await this.#request(sandboxId, call, (interpreter) =>
        interpreter.createContext(cwd),
      );
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      // An older server says nothing of the reason, so the sandbox is asked.
      const { requests, shellPath } = commands.context;
      const trouble = await requests.ask(startTroubleQuestion(shellPath, cwd), call.signal);
      if (trouble === "directory") {
        const message = `The directory ${JSON.stringify(cwd)} does not exist in the sandbox.`;
        throw new WorkingDirectoryNotFoundError(message, { cwd, cause: error });
      }
      if (trouble === "python") {
        const message = "The sandbox has no python3, which the code interpreter needs.";
        throw new UnsupportedOperationError(message, { cause: error });
      }
      throw error;
    }
    if (!isContextId(created.id))
      throw new ProtocolError("Daytona answered with a context that has no ID.", { sandboxId });
    if (env !== undefined) this.#environments.set(created.id, env);
    return toContext(created);
  }

  async #delete(sandboxId: string, id: string, call: TransportCall): Promise<void> {
    this.#environments.delete(id);
    await this.#request(sandboxId, call, (interpreter) =>
      interpreter.deleteContext({ id }).catch((error: unknown) => {
        if ((error as { statusCode?: unknown } | undefined)?.statusCode !== 404) throw error;
      }),
    );
    this.#forget(id);
  }

  #forget(id: string): void {
    if (this.#ownContextId === id) this.#ownContext = undefined;
  }

  /** A context without its interpreter may block whoever uses it next. That it cannot be removed now changes no outcome. */
  #discard(sandboxId: string, id: string): void {
    this.#gone.add(id);
    this.#forget(id);
    const signal = AbortSignal.timeout(callTimeoutMs);
    void this.#delete(sandboxId, id, { signal }).catch(() => undefined);
  }

  #findOwnContext(deadline: Deadline): Promise<string> {
    this.#ownContext ??= this.#create(this.#host.workDir(), undefined, deadline)
      .then(({ id }) => {
        this.#ownContextId = id;
        return id;
      })
      .catch((error: unknown) => {
        this.#ownContext = undefined;
        throw error;
      });
    return this.#ownContext;
  }

  #findFolder(deadline: Deadline): Promise<string> {
    const { requests, shellPath } = this.#host.attachment("runCode").commands.context;
    this.#folder ??= requests
      .askUntilAnswered(prepareQuestion(shellPath), deadline.signal)
      .catch((error: unknown) => {
        this.#folder = undefined;
        throw error;
      });
    return this.#folder;
  }

  #request<Value>(
    sandboxId: string,
    call: TransportCall,
    ask: (interpreter: SandboxInterpreter) => Promise<Value>,
  ): Promise<Value> {
    const { connection } = this.#host;
    return withSandbox(connection, sandboxId, call, ({ codeInterpreter }) =>
      connection.request(call, () => ask(codeInterpreter)),
    );
  }
}

type SandboxInterpreter = Awaited<ReturnType<DaytonaConnection["sandbox"]>>["codeInterpreter"];

function toContext({ id, cwd, createdAt, active }: DaytonaInterpreterContext): InterpreterContext {
  return { id, language: "python", cwd, createdAt: new Date(createdAt), active };
}
