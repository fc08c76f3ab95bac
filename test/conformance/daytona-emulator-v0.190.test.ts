import { ofOlderServer, runEmulatorConformance } from "../helpers/run-emulator-conformance.ts";

await runEmulatorConformance("v0.190", ofOlderServer);
