import manifest from "../../package.json" with { type: "json" };
import { runDoctorCommand } from "./doctor-command.ts";
import { runEmulatorCommand } from "./emulator-command.ts";
import { runListCommand } from "./list-command.ts";
import { runSweepCommand } from "./sweep-command.ts";

const usage = `Usage: sandbox-backend <command> [options]

Commands:
  emulator    Run a local server that speaks Daytona's wire protocol, until Ctrl-C.
              sandbox-backend emulator --help
  doctor      Look for what is wrong with a provider.
  list        List sandboxes.
  sweep       Delete sandboxes that nobody has used for a while; without --delete, only name them.
              Each takes --help.
  help        Print this.
  version     Print the version.
`;

/** Runs one command of the command line. Returns the exit code: 2 for wrong usage, 1 for a failure. */
export async function runCli(argv: readonly string[]): Promise<number> {
  const [command, ...rest] = argv;
  switch (command) {
    case "emulator":
      return runEmulatorCommand(rest);
    case "doctor":
      return runDoctorCommand(rest);
    case "list":
      return runListCommand(rest);
    case "sweep":
      return runSweepCommand(rest);
    case "version":
    case "--version": {
      process.stdout.write(`${manifest.version}\n`);
      return 0;
    }
    case "help":
    case "--help":
    case "-h":
      process.stdout.write(usage);
      return 0;
    case undefined:
      process.stderr.write(usage);
      return 2;
    default:
      process.stderr.write(`There is no command ${JSON.stringify(command)}.\n\n${usage}`);
      return 2;
  }
}
