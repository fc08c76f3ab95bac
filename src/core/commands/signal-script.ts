import { memberFunctions } from "./members-fragment.ts";
import { recordOpening, type SettleInput } from "./settle-script.ts";
import { inKnownShell, shellText } from "./shell-text.ts";

export interface SignalInput extends SettleInput {
  /** Environment entry that all its processes have, and no others. */
  readonly processEntry: string;
  /** Without `SIG`, such as `INT`. */
  readonly signal: string;
}

/** Sends one signal to all processes of a command and reports whether there were any. */
export function signalScript(input: SignalInput): string {
  const script = [
    `t=${input.tag} r=${input.record} signal=${input.signal} needle=${input.processEntry}`,
    recordOpening,
    memberFunctions,
    shellText(`
      turn=0
      # Between its claim and its begin a command spends milliseconds.
      while state_of "$r"; [ $state = starting ] && [ $turn -lt 40 ]; do turn=$((turn + 1)); pause; done
      reached=0
      case $state in
        running|gone|exited) if members; then signal_all "$signal"; reached=1; fi ;;
      esac
      printf '%s\\n' "$t signalled $state $reached" "$t end"
    `),
  ].join("\n");
  return inKnownShell(input.shellPath, script);
}
