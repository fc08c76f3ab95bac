import { LocalEngine } from "../../../src/engine/local-engine.ts";

/** Makes a snapshot of the sandbox `source`; whoever started this may kill it at any moment. */
const [directory = "", isolation = "", mode = ""] = process.argv.slice(2);
const engine = await LocalEngine.open({
  directory,
  isolation: isolation as "namespaces" | "none",
});
await engine.createSnapshot("source", { id: "taken", mode: mode as "copy" | "stop", graceMs: 0 });
await engine.close();
