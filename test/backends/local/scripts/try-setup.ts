/** Sets a sandbox up on a platform of that name and prints, as JSON, what came of it. Arguments: config as JSON, platform. */
import { createBackend, SandboxError } from "../../../../src/index.ts";

const [configText = "{}", platform] = process.argv.slice(2);
Object.defineProperty(process, "platform", { value: platform });

const backend = createBackend("local", JSON.parse(configText));
let outcome: unknown = "set up";
try {
  await backend.setup();
  await backend.teardown();
} catch (error) {
  if (!SandboxError.is(error)) throw error;
  const { name, code, operation, message } = error;
  outcome = { name, code, operation, message };
}
await backend[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify(outcome));
