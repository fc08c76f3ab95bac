import type { CallOptions } from "../contract/call-options.ts";
import type { Command, ExecOptions, ExecResult } from "../contract/command.ts";
import type {
  AttachOptions,
  ProcessInfo,
  SandboxProcess,
  SpawnOptions,
} from "../contract/process.ts";
import type { Pty, PtyInfo, PtyOptions } from "../contract/pty.ts";
import { BackendLeases } from "./backend-leases.ts";
import { checkCommand, checkExecOptions, checkPath } from "./check-arguments.ts";
import { runExec } from "./commands/run-exec.ts";
import { Deadline } from "./deadline.ts";
import {
  checkAttachOptions,
  checkProcessId,
  checkSpawnOptions,
} from "./processes/check-process-arguments.ts";
import { checkPtyOptions } from "./pty/check-pty-arguments.ts";

const execTimeoutMs = 120_000;
const spawnTimeoutMs = 60_000;
/** What an `exec` may take beyond its command's own time: to prove the end of a killed command, at the worst. */
const execOverheadMs = 60_000;

/** The part of a backend that runs commands. */
export abstract class BackendCommands extends BackendLeases {
  async exec(command: Command, options?: ExecOptions): Promise<ExecResult> {
    return this.guard("exec", async () => {
      const checkedCommand = checkCommand(command);
      const checked = checkExecOptions(options);
      const timeoutMs = checked.timeoutMs ?? execTimeoutMs;
      const cwd = checkPath(checked.cwd ?? this.workDir, this.workDir, "cwd");
      using deadline = Deadline.start("exec", timeoutMs + execOverheadMs, checked.signal);
      deadline.throwIfEnded();
      const { commands, env } = this.attachment("exec");
      return await runExec(
        commands,
        checkedCommand,
        { ...checked, env: { ...env, ...checked.env }, timeoutMs, cwd },
        deadline.signal,
      );
    });
  }

  async spawn(command: Command, options?: SpawnOptions): Promise<SandboxProcess> {
    return this.guard("spawn", async () => {
      const checkedCommand = checkCommand(command);
      const checked = checkSpawnOptions(options);
      const timeoutMs = checked.timeoutMs ?? spawnTimeoutMs;
      const cwd = checkPath(checked.cwd ?? this.workDir, this.workDir, "cwd");
      using deadline = Deadline.start("spawn", timeoutMs, checked.signal);
      deadline.throwIfEnded();
      const { processes, env } = this.attachment("spawn");
      const request = { ...checked, env: { ...env, ...checked.env }, timeoutMs, cwd };
      return await processes.spawn(checkedCommand, request, deadline.signal);
    });
  }

  async attachProcess(processId: string, options?: AttachOptions): Promise<SandboxProcess> {
    return this.guard("attachProcess", async () => {
      const checkedId = checkProcessId(processId);
      const checked = checkAttachOptions(options);
      const timeoutMs = checked.timeoutMs ?? spawnTimeoutMs;
      using deadline = Deadline.start("attachProcess", timeoutMs, checked.signal);
      deadline.throwIfEnded();
      const { processes } = this.attachment("attachProcess");
      return await processes.attach(checkedId, checked, deadline.signal);
    });
  }

  async attachPty(options: PtyOptions): Promise<Pty> {
    return this.guard("attachPty", async () => {
      const checked = checkPtyOptions(options);
      const timeoutMs = checked.timeoutMs ?? spawnTimeoutMs;
      const cwd = checkPath(checked.cwd ?? this.workDir, this.workDir, "cwd");
      using deadline = Deadline.start("attachPty", timeoutMs, checked.signal);
      deadline.throwIfEnded();
      const { ptys, env } = this.attachment("attachPty");
      const request = { ...checked, env: { ...env, ...checked.env }, timeoutMs, cwd };
      return await ptys.attach(request, deadline.signal);
    });
  }

  async listPtys(options?: CallOptions): Promise<PtyInfo[]> {
    return this.bounded("listPtys", options, spawnTimeoutMs, (deadline) =>
      this.attachment("listPtys").ptys.list(deadline.signal),
    );
  }

  async listProcesses(options?: CallOptions): Promise<ProcessInfo[]> {
    return this.bounded("listProcesses", options, spawnTimeoutMs, (deadline) =>
      this.attachment("listProcesses").processes.list(deadline.signal),
    );
  }
}
