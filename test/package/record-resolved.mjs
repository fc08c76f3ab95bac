// Loaded with `node --import`: writes the URL of each module that is resolved, one a line, to the file RESOLVED_MODULES_FILE.
import { appendFileSync } from "node:fs";
import { register } from "node:module";
import { isMainThread } from "node:worker_threads";

// Node runs hooks in a thread of their own, which loads this file again.
if (isMainThread) register(import.meta.url);

export async function resolve(specifier, context, nextResolve) {
  const resolved = await nextResolve(specifier, context);
  appendFileSync(process.env.RESOLVED_MODULES_FILE, `${resolved.url}\n`);
  return resolved;
}
