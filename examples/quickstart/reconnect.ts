/** Another process: all it knows of the sandbox is its ID. Prints the file that the first process wrote. */
import { config } from "dotenv";
import { reconnectBackend } from "sandbox-backend";

config({ quiet: true });

const [sandboxId, path] = process.argv.slice(2);
if (sandboxId === undefined || path === undefined)
  throw new Error("Usage: reconnect.ts <sandbox ID> <path>");

await using backend = await reconnectBackend("daytona", sandboxId);
process.stdout.write(await backend.readFile(path, { encoding: "utf8" }));
