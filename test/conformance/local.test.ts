import { LocalEngine } from "../../src/engine/local-engine.ts";
import { isLongRun } from "../helpers/long-run.ts";
import { runLocalConformance } from "../helpers/run-local-conformance.ts";

const { available } = await LocalEngine.probe();
if (available) await runLocalConformance("namespaces");
// The long run has both; else what protects nothing is tried where nothing else is possible.
if (!available || isLongRun) await runLocalConformance("none");
