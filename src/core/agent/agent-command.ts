import { shellText } from "../commands/shell-text.ts";
import { agentFileName, agentProgramPrefix } from "../setup/prove-answer.ts";
import { shellQuote } from "../shell-quote.ts";
import type { AgentRecord } from "./agent-plan.ts";

/** Exit codes of the command before it becomes the agent, out of the way of those that programs use. */
export const agentExitCodes = { programMissing: 87, recordNotWritten: 88 } as const;

export function agentProgramPath(folder: string, hash: string): string {
  return `${folder}/${agentProgramPrefix}${hash}`;
}

/**
 * The command that becomes the agent. It puts the uploaded program into its place first, whole or not at all, and writes down what
 * the agent is, so that neither costs a request.
 *
 * @param uploaded - Path that the program was uploaded to; undefined when it was in its place before.
 */
export function agentCommand(
  folder: string,
  record: AgentRecord,
  uploaded: string | undefined,
): string {
  const { plan } = record;
  const { program } = plan;
  const file = program === undefined ? "" : agentProgramPath(folder, program.hash);
  return [
    // The first line is what lists of processes show.
    `# agent on port ${plan.port}: ${titleOf(plan.command)}`,
    `set -- ${shellQuote(folder)} ${shellQuote(file)} ${shellQuote(uploaded ?? "")} ${program?.sizeBytes ?? 0}`,
    ...(program === undefined ? [] : [placeProgram]),
    writeRecord(JSON.stringify(record)),
    `SANDBOX_AGENT_PORT=${plan.port}`,
    "export SANDBOX_AGENT_PORT",
    ...(program === undefined ? [] : ['SANDBOX_AGENT_FILE="$2"', "export SANDBOX_AGENT_FILE"]),
    becomeAgent(plan),
  ].join("\n");
}

function titleOf(command: AgentRecord["plan"]["command"]): string {
  const text = typeof command === "string" ? command : (command ?? ["uploaded program"]).join(" ");
  return (text.trim().split("\n")[0] ?? "").slice(0, 200);
}

const placeProgram = shellText(`
  if [ -x "$2" ]; then [ -z "$3" ] || rm -f "$3"
  else
    [ -n "$3" ] && [ "$(wc -c <"$3")" -eq "$4" ] && chmod 0755 "$3" && mv -f "$3" "$2" || exit ${agentExitCodes.programMissing}
  fi
`);

function writeRecord(text: string): string {
  const path = `"$1/${agentFileName}"`;
  return `printf '%s\\n' ${shellQuote(text)} >${path}.$$ && mv -f ${path}.$$ ${path} || exit ${agentExitCodes.recordNotWritten}`;
}

function becomeAgent({ command, args }: AgentRecord["plan"]): string {
  if (command === undefined) return `exec "$2" ${args.map(shellQuote).join(" ")}`;
  if (typeof command === "string") return `exec /bin/sh -c ${shellQuote(command)}`;
  const words = command.map(shellQuote).join(" ");
  // Not every shell has `exec --`.
  return command[0]?.startsWith("-") ? `exec env -- ${words}` : `exec ${words}`;
}
