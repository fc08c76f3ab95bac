import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import type { EngineSandbox } from "../../engine/engine-types.ts";
import { BuildFailure } from "./build-failure.ts";
import type { BuildLog } from "./build-log.ts";
import type { Instruction } from "./dockerfile/instruction.ts";
import { heredocMark } from "./dockerfile/parse-dockerfile.ts";
import { execForm } from "./dockerfile/words.ts";
import { runAs } from "./run-as.ts";
import type { Stage } from "./stage.ts";

/** A RUN as it will be run. */
export interface RunStep {
  readonly key: string;
  run(sandbox: EngineSandbox, log: BuildLog, signal: AbortSignal): Promise<void>;
}

const scriptPath = "/dev/shm/build-script";

export function planRun(instruction: Instruction, stage: Stage): RunStep {
  const [flag] = instruction.flags.keys();
  if (flag !== undefined) throw new BuildFailure(`the emulator does not implement RUN --${flag}`);
  const env = stage.programEnvironment;
  const cwd = stage.workDir ?? "/";
  const { user } = stage;
  const { argv, script } = programOf(instruction, stage.shell);
  return {
    key: JSON.stringify(["RUN", argv, script ?? "", cwd, user ?? "", Object.entries(env).sort()]),
    run: async (sandbox, log, signal) => {
      if (script !== undefined)
        await sandbox.files.write(scriptPath, Buffer.from(script), { mode: 0o755 });
      const as = await runAs(sandbox, user);
      const program = await sandbox.spawn([...as.prefix, ...argv], {
        cwd,
        env: { ...as.env, ...env },
      });
      const kill = () => program.kill("SIGKILL");
      signal.addEventListener("abort", kill, { once: true });
      try {
        program.stdin.end();
        const outputs = [program.stdout, program.stderr].map((output) => copyTo(log, output));
        const { exitCode, signal: killedBy } = await program.exited;
        // What it leaves running keeps the pipes open and ends with the step.
        program.kill("SIGKILL");
        await Promise.all(outputs);
        signal.throwIfAborted();
        if (exitCode === 0) return;
        const status = exitCode ?? `signal ${killedBy}`;
        throw new BuildFailure(
          `process ${JSON.stringify(argv.join(" "))} did not complete successfully: exit code: ${status}`,
        );
      } finally {
        signal.removeEventListener("abort", kill);
      }
    },
  };
}

/** Docker: a RUN that is nothing but a heredoc is a script, for the shell or for what its first line names. */
function programOf(
  { rest, heredocs }: Instruction,
  shell: readonly string[],
): { readonly argv: readonly string[]; readonly script?: string } {
  const exec = execForm(rest);
  if (exec && exec.length > 0) return { argv: exec };
  const [first] = heredocs;
  if (first && rest.replace(heredocMark, "").trim() === "") {
    if (first.content.startsWith("#!")) return { argv: [scriptPath], script: first.content };
    return { argv: [...shell, first.content] };
  }
  const below = heredocs.map(({ name, content }) => `\n${content}${name}`).join("");
  return { argv: [...shell, rest + below] };
}

async function copyTo(log: BuildLog, output: Readable): Promise<void> {
  output.on("data", (chunk: Buffer) => log.write(chunk));
  await finished(output, { writable: false }).catch(() => {
    // Closed under us: the process was killed, and its end says so.
  });
}
