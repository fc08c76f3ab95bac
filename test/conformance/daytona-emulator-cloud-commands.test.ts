import { ofCommands, runEmulatorConformance } from "../helpers/run-emulator-conformance.ts";

await runEmulatorConformance("cloud", ofCommands);
