import { runEmulatorConformance } from "../helpers/run-emulator-conformance.ts";

await runEmulatorConformance("v0.190");
